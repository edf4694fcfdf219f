"""The page Sample shows one sample whole, walks through the filtered ones, explains on demand and
finds what is alike.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.studio import relabel_plan, settings
from apps.studio.components import occlusion, sample_predictions
from apps.studio.pages import sample
from apps.studio.serving.images import Faces
from core.artifacts.bundle import MODEL_FILE
from core.labels import FERPLUS8
from evaluation.predictions import table
from evaluation.quality.repair.plan import PlanRow
from evaluation.store import Store
from tests.apps.studio.conftest import predictions


def test_what_every_model_predicted(draw) -> None:
    app = draw("sample", "three models", sample="s00003")
    rows = next(d.value for d in app.dataframe if "prediction" in d.value.columns)
    assert len(rows) == 9 and sorted(set(rows["model"])) == ["a", "b", "c & <b>d</b>"]
    row = predictions(model="a").slice(3, 1).to_pylist()[0]
    first = rows[(rows["model"] == "a")].set_index("task")
    assert (
        first.loc["Emotion", "label"] == row["emotion_true"]
        and first.loc["Emotion", "prediction"] == row["emotion_pred"]
    )
    assert first.loc["Emotion", "right"] == (
        "yes" if row["emotion_true"] == row["emotion_pred"] else "no"
    )
    assert first.loc["Age, years", "right"] == f"{row['age_pred'] - row['age_true']:+.1f} years"
    p = next(d.value for d in app.dataframe if "votes" in d.value.columns)
    assert p["a"].tolist() == pytest.approx(
        [row[f"emotion_p_{name}"] for name in FERPLUS8.labels], abs=1e-6
    )
    assert (
        p["votes"].tolist() == pytest.approx(row["emotion_votes"], abs=1e-6)
        and p["label"].sum() == 1
    )
    assert any("s00003" in h.value for h in app.subheader) and any(
        "`evaluation predict" in c.value or "embedding" in c.value for c in app.caption
    )


def test_walking_keeps_to_the_filters(draw) -> None:
    app = draw("sample", "all heads", right="wrong")
    rows = predictions().to_pandas()
    wrong = rows[rows["emotion_true"] != rows["emotion_pred"]]["sample_id"].tolist()
    assert any(h.value == wrong[0] for h in app.subheader), (
        "the first is shown where none was chosen"
    )
    for wanted in wrong[1:3]:
        app = app.button(key="sp.after").click().run()
        assert not app.exception and app.query_params["sample"] == wanted
        assert any(h.value == wanted for h in app.subheader)
    app = app.button(key="sp.before").click().run()
    assert app.query_params["sample"] == wrong[1]
    assert any(f"2 of {len(wrong)} samples" in c.value for c in app.caption)


def test_found_by_a_part_of_its_name(draw) -> None:
    app = draw("sample", "all heads", **{"sp.find": "0007"})
    hits = [b.label for b in app.button if b.key.startswith("sp.hit.")]
    assert hits[:2] == ["s00007", "s00070"]
    app = app.button(key="sp.hit.made.s00070").click().run()
    assert app.query_params["sample"] == "s00070" and app.query_params["dataset"] == "made"
    assert any(
        "No sample of that name" in i.value
        for i in draw("sample", "all heads", **{"sp.find": "zzz"}).info
    )
    assert any(
        "No sample is called" in w.value
        for w in draw("sample", "all heads", sample="<b>none</b>").warning
    )


def test_into_the_relabel_plan_and_out(draw) -> None:
    app = draw("sample", "all heads", sample="s00004")
    app.selectbox(key="sp.value").set_value(FERPLUS8.labels[0])
    app.text_input(key="sp.reason").set_value("looks so")
    app = next(b for b in app.button if b.label == "Add to the relabel plan").click().run()
    row = PlanRow("s00004", "relabel", f"emotion={FERPLUS8.labels[0]}", "looks so")
    assert app.session_state[relabel_plan.SESSION_KEY] == {"": {("made", "s00004"): row}}
    app = app.button(key="sp.out").click().run()
    assert app.session_state[relabel_plan.SESSION_KEY] == {"": {}}


def test_probabilities_of_a_row(tmp_path: Path) -> None:
    columns = {"sample_id": ["a"], "fruit_true": ["pear"], "fruit_p_apple": [0.25]}
    table.write(pa.table({**columns, "fruit_p_pear": [0.75]}), tmp_path / "t.parquet")
    store = Store.open([tmp_path / "t.parquet"])
    (row,) = store.sample("a")
    assert sample_predictions.probabilities(store, row, "fruit") == [0.25, 0.75]
    assert sample_predictions.probabilities(store, {}, "fruit") is None
    assert sample_predictions.probabilities(store, {"gender_p_female": 0.25}, "gender") == [
        0.25,
        0.75,
    ]


def test_neighbours_where_there_are_embeddings(draw, tmp_path: Path) -> None:
    e = np.random.default_rng(0).normal(size=(160, 4)).astype(np.float32)
    rows = predictions().append_column("embedding", pa.array(e.tolist(), pa.list_(pa.float32())))
    table.write(rows, tmp_path / "e.parquet")
    (tmp_path / "faces").mkdir()
    for i in range(7):
        (tmp_path / "faces" / f"{i}.png").write_bytes(b"no picture")
    app = draw("sample", "all heads", sample="s00009")
    settings.PROCESS.use(settings.Settings((tmp_path / "e.parquet",), {}, Faces(tmp_path)))
    app = app.run()
    assert (
        not app.error and sum("cannot be read" in c.value for c in app.caption) >= sample.NEIGHBOURS
    )
    unit = e / np.linalg.norm(e, axis=1, keepdims=True)
    cosine = unit @ unit[9]
    cosine[9] = -2
    near = next(d.value for d in app.dataframe if "cosine" in d.value.columns)
    assert near["sample_id"].tolist() == [
        f"s{i:05d}" for i in np.argsort(-cosine)[: sample.NEIGHBOURS]
    ]
    app = app.button(key="sp.near.1").click().run()
    assert app.query_params["sample"] == near["sample_id"][1]


def test_the_map_is_drawn_on_demand_only(draw, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def panels(
        folder: Path, picture: Path, tight: bool, *, is_trusted: bool
    ) -> list[occlusion.Panel]:
        asked.append((folder.name, picture.name, tight, is_trusted))
        return [occlusion.Panel("fear", np.zeros((8, 8, 3), np.uint8))]

    monkeypatch.setattr(occlusion, "panels", panels)
    app = draw("sample", "all heads", sample="s00002")
    assert asked == []
    app = app.button(key="sp.map").click().run()
    assert not app.exception and asked == [("mien", "2.png", True, False)]
    app.run()
    assert len(asked) == 1, "a map is remembered"


def test_a_map_is_drawn_again_where_the_model_or_the_picture_was(
    draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pictures: Path
) -> None:
    drawn = []
    model, picture = tmp_path / MODEL_FILE, pictures / "faces" / "2.png"
    model.write_bytes(b"a model")
    monkeypatch.setattr(occlusion, "bundles", lambda root: {"mien": tmp_path})
    monkeypatch.setattr(
        occlusion,
        "panels",
        lambda *_, **__: (
            drawn.append(1) or [occlusion.Panel("fear", np.zeros((8, 8, 3), np.uint8))]
        ),
    )
    app = draw("sample", "all heads", sample="s00002").button(key="sp.map").click().run()
    for file in (model, picture):
        os.utime(file, ns=(1, file.stat().st_mtime_ns + 1))
        before = len(drawn)
        app = app.run()
        assert any("Squares of grey" in c.value for c in app.caption) and len(drawn) == before, (
            "the old map is gone"
        )
        app = app.button(key="sp.map").click().run()
        assert not app.exception and len(drawn) == before + 1
    model.unlink()
    assert not app.run().exception


def test_models_that_may_be_asked() -> None:
    occlusion.bundles.clear()
    bundles = occlusion.bundles(None)
    assert "mien" in bundles and all(
        p.is_relative_to(occlusion.MODELS_FOLDER) for p in bundles.values()
    )
