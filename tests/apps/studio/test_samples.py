"""The samples that ship: what was predicted is what is drawn, and every page opens on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from apps.studio import app, context, samples, settings
from apps.studio.serving import uploads
from core.data import synthetic_noisy
from core.face_model import open_model
from core.faces import best_detector
from core.labels import FERPLUS8
from evaluation.predictions import table
from evaluation.predictions.meta import Meta
from evaluation.predictions.predict import predict
from evaluation.quality.repair.review import read_findings

TABLES = sorted(samples.DRAWN_FOLDER.glob("drawn_*.parquet"))


@pytest.fixture(autouse=True)
def nothing_named() -> Iterator[None]:
    settings.PROCESS.use(settings.Settings())
    yield
    settings.PROCESS.use(settings.Settings())


def open_page(page: str, **url: str | list[str]) -> AppTest:
    drawn = AppTest.from_string(
        "from apps.studio import frame\nfrom core import registry\n"
        f"frame.run(registry.load('apps.studio.pages', {page!r}), {{}})",
        default_timeout=60,
    )
    drawn.query_params = url
    drawn.run()
    assert not drawn.exception and not drawn.error, page
    return drawn


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_the_predictions_are_those_of_the_drawn_pictures(path: Path) -> None:
    shipped = table.read(path)
    assert Meta.of(shipped).fingerprint == samples.draw().fingerprint
    assert samples.offered()[samples.DRAWN].warning == ""
    few = synthetic_noisy.load(".", samples.DRAWN_SPLIT).take(slice(6))
    model = open_model(samples.DRAWN_FOLDER / "runs" / path.stem / "bundle")
    again, unreadable = predict(model, few, best_detector()[0], few.root)
    assert unreadable == 0
    assert again["path"].to_pylist() == shipped["path"].to_pylist()[: len(few)]
    outputs = [name for name in again.column_names if "_p_" in name or name == "age_pred"]
    assert len(outputs) >= len(FERPLUS8)
    for name in outputs:
        difference = shipped[name].to_numpy()[: len(few)] - again[name].to_numpy()
        assert np.abs(difference).max() < (1 if name == "age_pred" else 0.05), name


def test_other_pictures_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "draw", lambda: samples.Drawing(None, "0" * 64))
    assert "not, bit for bit" in samples.offered()[samples.DRAWN].warning
    monkeypatch.setattr(samples, "draw", lambda: samples.Drawing(None, error="the disk is full"))
    assert "the disk is full" in open_page("start", table=samples.DRAWN).warning[0].value


@pytest.mark.parametrize("page", list(app.pages()))
def test_every_page_opens_on_the_drawn_faces(page: str) -> None:
    open_page(page, table=samples.DRAWN)


@pytest.mark.parametrize("sample_id", [samples.REAL, samples.DRAWN])
def test_a_sample_opens_with_what_belongs_to_it(sample_id: str) -> None:
    sample = samples.offered()[sample_id]
    start = open_page("start", **({uploads.SELECTED: sample_id} if sample_id else {}))
    assert sample.about in [m.value for m in start.markdown]
    rows = context.opened(sample.settings).rows
    header = f"**{context.as_markdown(sample.title)}**: {rows:,} rows"
    assert any(m.value.startswith(header) for m in start.markdown)
    for file in (*sample.settings.tables, sample.settings.runs, sample.settings.robustness):
        assert samples.is_shipped(file) and file.exists()
    for view in sample.views:
        assert view.page in app.pages()
        open_page(view.page, **{uploads.SELECTED: sample_id}, **dict(view.selections))


def test_tables_of_the_command_line_stand_alone() -> None:
    settings.PROCESS.use(settings.Settings(tuple(TABLES)))
    assert samples.offered() == {}
    assert "**drawn" in open_page("overview").markdown[0].value


def test_decisions_are_not_written_among_what_ships() -> None:
    audit = samples.offered()[samples.DRAWN].settings.audit
    assert audit is not None and not samples.is_shipped(audit)
    assert audit.read_bytes() == (samples.DRAWN_FOLDER / "findings.parquet").read_bytes()


def test_the_audit_finds_most_labels_that_are_wrong_on_purpose() -> None:
    noisy = synthetic_noisy.load(".", samples.DRAWN_SPLIT)
    is_wrong = noisy.groups["emotion_label"] == "wrong"
    wrong = {name for name, wrong in zip(noisy.ids, is_wrong, strict=True) if wrong}
    issues = read_findings(samples.DRAWN_FOLDER / "findings.parquet").issues["labels"]
    suspects = {
        row["sample_id"] for row in issues.to_pylist() if row["reason"].startswith("emotion")
    }
    assert 10 <= len(wrong) <= 40
    assert len(suspects & wrong) > len(wrong) / 2
