"""The page Compare in Chromium: four models ranked, and the regressions of one as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Browser

from evaluation.analysis import table_pairs
from evaluation.predictions import table
from evaluation.predictions.schema import P_EMOTION
from tests.apps.studio.conftest import predictions, studio

pytestmark = pytest.mark.browser
WAIT = 60_000


def worsened(model: str, share: float) -> pa.Table:
    """One model's predictions, of which a random share of emotions are drawn anew."""
    rows, rng = predictions(800), np.random.default_rng([5, *model.encode()])
    columns = [n for n in rows.column_names if n.startswith(P_EMOTION)]
    names = np.array([n.removeprefix(P_EMOTION) for n in columns], object)
    pred = np.where(
        rng.random(len(rows)) < share,
        rng.choice(names, len(rows)),
        rows["emotion_pred"].to_numpy(zero_copy_only=False),
    )
    changes = {"model": [model] * len(rows), "emotion_pred": pred}
    for name, values in changes.items():
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    return rows.drop_columns(columns)


@pytest.fixture(scope="module")
def four() -> dict[str, pa.Table]:
    shares = {"first": 0.0, "worse": 0.15, "just as bad": 0.15, "worst": 0.4}
    return {model: worsened(model, share) for model, share in shares.items()}


@pytest.fixture(scope="module")
def server(
    four: dict[str, pa.Table], pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    path = tmp_path_factory.mktemp("studio") / "t.parquet"
    table.write(pa.concat_tables(four.values()), path)
    with studio(path.with_name("log"), str(path), "--images", str(pictures)) as url:
        yield url


def test_four_models_are_ranked_and_regressions_are_pictures(
    server: str, four: dict[str, pa.Table], browser: Browser
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=WAIT)
    compared = table_pairs.compare(four["first"], four["worse"]).emotion
    page = browser.new_page(viewport={"width": 390, "height": 844})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/compare?task=emotion")
    expect(page.get_by_text("A bar joins the models with a dot on it")).to_be_visible()
    expect(page.get_by_text("n = 800 samples that all 4 models have")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("tab", name="Regressions and fixes").click()
    page.get_by_role("combobox", name="B", exact=True).click()
    page.get_by_role("option", name="worse", exact=True).click()
    expect(page.get_by_text(f"n = {compared.mcnemar.only_a} samples, regressions")).to_be_visible()
    expect(page.locator("button.face")).to_have_count(compared.mcnemar.only_a)
    picture = page.locator("button.face").first
    label = picture.locator("span.text").text_content() or ""
    before, after = label.split(" (")[0].split(" → ")
    assert label.endswith(f"({before})") and before != after
    sample = picture.get_attribute("data-id")
    picture.click()
    expect(page.get_by_role("link", name=f"Open {sample}")).to_be_visible()
    page.reload()
    expect(page.get_by_text(f"n = {compared.mcnemar.only_a} samples, regressions")).to_be_visible()
    page.close()
    assert errors == []
