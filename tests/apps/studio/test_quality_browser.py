"""The review of findings in a real Chromium: accepted and rejected by key and by button, exported,
applied, the manifest checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser

from evaluation.__main__ import main
from evaluation.predictions import table
from evaluation.quality import open_dataset
from evaluation.quality.repair.review import read_findings
from tests.apps.studio.conftest import predictions, studio
from tests.evaluation.quality.repair.test_review import copies

pytestmark = pytest.mark.browser
WAIT = 60_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    copies(root)
    return root


@pytest.fixture(scope="module")
def file(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    findings_file = tmp_path_factory.mktemp("audit") / "f.parquet"
    command = [
        "audit",
        "--dataset",
        "image_folder",
        "--data",
        str(data),
        "--checks",
        "exact_files",
        "--no-cache",
    ]
    assert main([*command, "--findings", str(findings_file)]) == 0
    return findings_file


@pytest.fixture(scope="module")
def server(data: Path, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m apps.studio --audit`, for as long as the tests last."""
    path = tmp_path_factory.mktemp("studio") / "t.parquet"
    table.write(predictions(50), path)
    with studio(
        path.with_name("log"), str(path), "--images", str(data), "--audit", str(file)
    ) as url:
        yield url


def test_two_accepted_one_rejected_exported_applied(
    server: str, data: Path, file: Path, tmp_path: Path, browser: Browser
) -> None:
    from playwright.sync_api import expect

    issues = read_findings(file).issues["exact_files"].to_pylist()
    assert len(issues) == 4
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(f"{server}/quality")
    expect(page.get_by_text("1 of 4")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text(issues[0]["sample_id"], exact=True).first).to_be_visible(timeout=WAIT)
    pictures = page.locator("img[alt^='Picture of']")
    expect(pictures).to_have_count(
        len(read_findings(file).members("exact_files", issues[0]["group"])), timeout=WAIT
    )
    expect.set_options(timeout=WAIT)
    assert pictures.first.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0

    page.locator("h1").click()  # no widget has the focus
    page.keyboard.press("a")
    expect(page.get_by_text("1 of 4 findings of this check decided")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("2 of 4 findings of this check decided")).to_be_visible()
    page.get_by_role("button", name="Accept", exact=False).first.click()
    expect(page.get_by_text("3 of 4 findings of this check decided")).to_be_visible()

    page.reload()
    expect(page.get_by_text("3 of 4 findings of this check decided")).to_be_visible()
    expect(page.get_by_text("2 drop")).to_be_visible()
    with page.expect_download(timeout=WAIT) as caught:
        page.get_by_role("button", name="Plan (CSV)").click()
    caught.value.save_as(tmp_path / "plan.csv")
    page.close()
    assert errors == []
    plan, out = str(tmp_path / "plan.csv"), str(tmp_path / "out")
    before = {p: p.read_bytes() for p in data.rglob("*") if p.is_file()}
    assert (
        main(
            [
                "audit",
                "--dataset",
                "image_folder",
                "--data",
                str(data),
                "--no-cache",
                "--apply",
                plan,
                "--out",
                out,
            ]
        )
        == 0
    )
    manifest = pq.read_table(tmp_path / "out" / "manifest.parquet")["id"].to_pylist()
    every = set(open_dataset("image_folder", data, cache=None).samples.ids)
    assert (
        set(manifest) == every - {issues[0]["sample_id"], issues[2]["sample_id"]}
        and len(manifest) == len(every) - 2
    )
    assert before == {p: p.read_bytes() for p in data.rglob("*") if p.is_file()}, (
        "the data are as they were"
    )
