"""The page Per class shows scikit-learn's figures, the right curves, mistakes and samples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from apps.studio.components import class_confusions
from apps.studio.pages import per_class
from core.labels import FERPLUS8
from evaluation.predictions import arrays
from evaluation.store import Where
from tests.apps.studio.conftest import predictions

ONE_CLASS, SAMPLES = ({"pc.tab": name} for name in per_class.TABS[1:])


def share(text: str) -> float:
    """The number of `12.3 % (11.0 to 13.5)`."""
    return float(text.split(" %")[0]) / 100


def test_figures_are_scikit_learns(draw) -> None:
    every = draw("per_class", "emotion only")
    classes = arrays.classes(predictions(heads=("emotion",)), "emotion")
    assert classes is not None and classes.p is not None
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        classes.true, classes.pred
    )
    shown = every.dataframe[0].value
    assert (
        shown["class"].tolist() == list(FERPLUS8.labels) and shown["n"].tolist() == support.tolist()
    )
    for name, values in (("recall", recall), ("precision", precision), ("F1", f1)):
        assert [share(t) for t in shown[name]] == pytest.approx(values, abs=5.1e-4)
        assert all("(" in t for t in shown[name]), "every share has its interval"
    app = draw("per_class", "emotion only", **ONE_CLASS, **{"pc.label": FERPLUS8.labels[2]})
    assert [m.label for m in app.metric] == ["recall", "precision", "F1"]
    assert app.metric[0].value == f"{recall[2] * 100:.1f} %"
    areas = next(d.value for d in app.dataframe if "AUROC" in d.value.columns)
    assert len(areas) == 8, "every class where rows are few"
    wanted = [oracle.roc_auc_score(classes.true == i, classes.p[:, i]) for i in range(8)]
    assert [float(t.split()[0]) for t in areas["AUROC"]] == pytest.approx(wanted, abs=2e-3)


def test_top_confusions_have_a_part_in_the_class() -> None:
    matrix = np.array([[5, 2, 0], [3, 9, 7], [1, 0, 4]])
    confusions = class_confusions.top_confusions(matrix, ("x", "y", "z"), "x")
    assert [(c.label, c.prediction, c.n) for c in confusions] == [
        ("y", "x", 3),
        ("x", "y", 2),
        ("z", "x", 1),
    ]
    assert [c.share.value for c in confusions] == pytest.approx([3 / 19, 2 / 7, 1 / 5])
    assert class_confusions.top_confusions(np.eye(3, dtype=int), ("x", "y", "z"), "x") == []


def test_a_mistake_opens_its_samples(draw) -> None:
    app = draw("per_class", "emotion only", **SAMPLES)
    options = next(s for s in app.selectbox if s.label == "Look at one of them").options
    true, _, pred = options[1].partition(" predicted as ")
    app = draw(
        "per_class",
        "emotion only",
        **SAMPLES,
        **{"pc.cell": options[1], "pc.label": FERPLUS8.labels[0]},
    )
    rows = predictions(heads=("emotion",)).to_pandas()
    wanted = rows[(rows["emotion_true"] == true) & (rows["emotion_pred"] == pred)]["sample_id"]
    listed = [set(d.value["sample_id"]) for d in app.dataframe if "sample_id" in d.value.columns]
    assert set(wanted) in listed


@pytest.mark.parametrize("kind", per_class.KINDS)
def test_samples_are_of_their_kind(draw, kind: str) -> None:
    label = FERPLUS8.labels[0]
    app = draw("per_class", "emotion only", **SAMPLES, **{"pc.label": label, "pc.kind": kind})
    rows = next(d.value for d in reversed(app.dataframe) if "sample_id" in d.value.columns)
    right = rows["emotion_true"] == rows["emotion_pred"]
    assert (rows["emotion_pred" if kind == "called" else "emotion_true"] == label).all()
    assert {"wrong": not right.any(), "missed": not right.any(), "right": right.all()}.get(
        kind, True
    )
    sure = rows["emotion_conf"].tolist()
    assert sure == sorted(sure, reverse=kind != "unsure")


def test_without_probabilities_the_page_says_so(draw) -> None:
    app = draw("per_class", "one model, labels only", **ONE_CLASS)
    assert any("no probabilities" in i.value for i in app.info)
    assert per_class.samples_of(Where(), "x", "wrong") == Where(true=("x",), correct=False)
