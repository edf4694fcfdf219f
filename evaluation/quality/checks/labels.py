"""Suspect emotion and gender labels: confident learning on out-of-fold probabilities.

Northcutt et al., Confident Learning, JAIR 2021, arXiv:1911.00068, as cleanlab implements it. The
probability of a label comes from a model that has not seen it: a logistic regression on the
embeddings of the shipped network, fitted on the other folds; duplicates and images of one person
are in one fold. One thing this cannot undo: the network was trained on the official train parts of
FER+ and UTKFace with their labels, so its embeddings of those images know the labels a little, and
a wrong label there is harder to see than elsewhere (docs/data_quality.md says how much). With
`predictions=T.parquet`, a predictions table of a model that has not seen the labels it judges,
there is no such doubt.

Where people have voted, a label is only suspect where the predicted label got next to no votes;
where the votes are split and the predicted label is among them, the image is ambiguous and its
label is not wrong: it is listed, but is no issue. In a data set with votes no new label is
proposed either: ten people were right nine times out of ten where a confident model differed
(docs/data_quality.md). Score: the probability of the label.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.labels import FERPLUS8, GENDER2, LabelSpace
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import P_EMOTION, P_GENDER
from evaluation.quality.check import Findings, Row, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.out_of_fold import inseparable_groups, out_of_fold_probabilities

NAME = "labels"
TITLE = "Suspect labels"
OPTIONS = {"predictions": "", "folds": 5, "seed": 0, "sure": 0.9, "outvote": False}
"""predictions: a table to take probabilities from. folds, seed: of the logistic regressions. sure:
probability from which another label is proposed; below, somebody should look. outvote: propose it
also in a data set whose labels people have voted on.
"""
MIN_VOTE_SHARE = 0.15
"""Share of the votes from which a label counts as one that people gave."""
MIN_AGREED_SHARE = 0.6
"""Share of the votes below which the most voted label is no agreement."""
MIN_SAMPLES = 20
"""Samples below which nothing can be said."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelJudgement:
    """Judgement of M labels.

    Attributes:
        score: float64 (M,), probability of the label.
        likely: int64 (M,), the most probable class.
        likely_probability: float64 (M,), its probability.
        wrong: bool (M,).
        ambiguous: bool (M,), votes are split, and the label is not wrong.
    """

    score: np.ndarray
    likely: np.ndarray
    likely_probability: np.ndarray
    wrong: np.ndarray
    ambiguous: np.ndarray


Probabilities = tuple[np.ndarray, np.ndarray, str | None]
"""Positions (M,) of samples, their probabilities (M, K), and where these come from.

The source is None where nothing is labelled, and "" where too few samples are.
"""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each suspect or ambiguous label.

    Figures by task: samples, suspects, ambiguous, agreement of the predicted with the given
    labels, probabilities (where they come from).
    """
    rows: list[Row] = []
    figures: dict[str, dict[str, object]] = {}
    for task, space in (("emotion", FERPLUS8), ("gender", GENDER2)):
        labels = _labels(dataset, task)
        votes = dataset.samples.emotion_votes if task == "emotion" else None
        at, probabilities, source = _probabilities(dataset, task, labels, len(space))
        if source is None:
            continue
        if not source or len(at) < MIN_SAMPLES or len(np.unique(labels[at])) < 2:
            note = (
                f"expected {MIN_SAMPLES} samples of two classes and more than one person, "
                "so nothing is said"
            )
            figures[task] = {"samples": len(at), "note": note}
            continue
        judgement = judge_labels(labels[at], probabilities, None if votes is None else votes[at])
        is_voted = votes is not None and bool(((votes > 0) & (votes < 1)).any())
        may_propose = not is_voted or dataset.option(NAME, "outvote")
        min_probability = float(dataset.option(NAME, "sure")) if may_propose else np.inf
        rows += _rows(dataset, at, judgement, task, space, min_probability)
        figures[task] = {
            "samples": len(at),
            "suspects": int(judgement.wrong.sum()),
            "ambiguous": int(judgement.ambiguous.sum()),
            "agreement": float((judgement.likely == labels[at]).mean()),
            "probabilities": source,
        }
    return make_findings(rows, figures)


def _labels(dataset: AuditDataset, task: str) -> np.ndarray:
    return dataset.samples.emotion if task == "emotion" else dataset.samples.gender


def _probabilities(
    dataset: AuditDataset, task: str, labels: np.ndarray, n_classes: int
) -> Probabilities:
    """Return the probabilities of the samples that can be judged."""
    at = np.flatnonzero(labels >= 0)
    if not len(at):
        return at, np.zeros((0, n_classes)), None
    if file := str(dataset.option(NAME, "predictions")):
        return _from_table(dataset, Path(file), task, at, n_classes)
    embedding = dataset.features.embedding
    at = at[np.abs(embedding[at]).sum(axis=1) > 0]  # unreadable files have none
    group = inseparable_groups(dataset)[at]
    classes, y = np.unique(labels[at], return_inverse=True)
    values = np.zeros((len(at), n_classes))
    if len(at) < MIN_SAMPLES or len(classes) < 2 or len(np.unique(group)) < 2:
        return at, values, ""
    folds = int(dataset.option(NAME, "folds"))
    values[:, classes] = out_of_fold_probabilities(
        embedding[at], y, group, folds=folds, seed=int(dataset.option(NAME, "seed"))
    )
    return at, values, f"{folds} folds, logistic regression on embeddings"


def _from_table(
    dataset: AuditDataset, file: Path, task: str, at: np.ndarray, n_classes: int
) -> Probabilities:
    """Return the probabilities of those samples of `at` that a predictions table holds too."""
    predictions = arrays.one_model(table.read(file), None)
    columns = [P_EMOTION + label for label in FERPLUS8.labels] if task == "emotion" else [P_GENDER]
    present = [c for c in columns if c in predictions.column_names]
    if not present:
        return at[:0], np.zeros((0, n_classes)), None
    ids = dataset.samples.ids
    row_of_id = {name: i for i, name in enumerate(predictions["sample_id"].to_pylist())}
    rows = np.array([row_of_id.get(ids[i], -1) for i in at.tolist()], np.int64)
    at, rows = at[rows >= 0], rows[rows >= 0]
    values = np.zeros((len(at), n_classes))
    for name in present:
        values[:, columns.index(name)] = predictions[name].to_numpy()[rows]
    if task == "gender":  # the one column is that of the first class
        values[:, 1] = 1 - values[:, 0]
    complete = ~np.isnan(values).any(axis=1)
    return at[complete], values[complete], file.name


def judge_labels(
    labels: np.ndarray, probabilities: np.ndarray, votes: np.ndarray | None = None
) -> LabelJudgement:
    """Return which labels are wrong or ambiguous.

    The only sample of a class is never called wrong: there is nothing to compare it with.

    Args:
        labels: (M,), classes 0 to K - 1.
        probabilities: (M, K), out of fold.
        votes: shares of the votes (M, K) where people have voted; NaN rows where they have not.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    # cleanlab counts classes from the labels, so classes that no sample has are left out.
    used = np.unique(labels)
    used_labels = np.searchsorted(used, labels)
    inner = np.maximum(probabilities[:, used], 1e-12)
    inner /= inner.sum(axis=1, keepdims=True)
    score = get_label_quality_scores(used_labels, inner, method="self_confidence").clip(0, 1)
    with warnings.catch_warnings():
        # The warning names classes by numbers that exist only here.
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        doubted = find_label_issues(used_labels, inner, filter_by="both", n_jobs=1)
    likely = used[inner.argmax(axis=1)]
    wrong = doubted & (likely != labels)
    ambiguous = np.zeros(len(labels), bool)
    if votes is not None:
        shares = np.nan_to_num(votes)
        # All votes on one label: a label without votes, or all people agree.
        is_voted = ~np.isnan(votes).any(axis=1) & (votes.max(axis=1, initial=0) < 1)
        likely_was_voted = shares[np.arange(len(labels)), likely] >= MIN_VOTE_SHARE
        is_split = shares.max(axis=1) < MIN_AGREED_SHARE
        ambiguous = is_voted & likely_was_voted & is_split
        wrong &= ~likely_was_voted
    return LabelJudgement(score, likely, inner.max(axis=1), wrong, ambiguous & ~wrong)


def _rows(
    dataset: AuditDataset,
    at: np.ndarray,
    judgement: LabelJudgement,
    task: str,
    space: LabelSpace,
    min_probability: float,
) -> list[Row]:
    """Return a row for each wrong or ambiguous label; `at` (M,): places of the judged ones."""
    labels = _labels(dataset, task)
    title = "perceived gender" if task == "gender" else task
    rows: list[Row] = []
    for k in np.flatnonzero(judgement.wrong | judgement.ambiguous).tolist():
        i, likely = int(at[k]), space.labels[judgement.likely[k]]
        probability = float(judgement.likely_probability[k])
        is_wrong = bool(judgement.wrong[k])
        if is_wrong:
            reason = (
                f"{title} {space.labels[labels[i]]} has probability {judgement.score[k]:.2f}, "
                f"{likely} {probability:.2f}"
            )
        else:
            votes = dataset.samples.emotion_votes[i]
            first_three = np.argsort(-votes, kind="stable")[:3]
            shares = [f"{space.labels[j]} {votes[j]:.0%}" for j in first_three if votes[j] > 0]
            reason = (
                f"ambiguous, not wrong: votes are {', '.join(shares)}; "
                f"the model says {likely} ({probability:.2f})"
            )
        propose = is_wrong and probability >= min_probability
        rows.append(
            {
                "sample_id": dataset.samples.ids[i],
                "split": dataset.split[i],
                "score": float(judgement.score[k]),
                "is_issue": is_wrong,
                "reason": reason,
                "action": "relabel" if propose else "keep",
                "value": f"{task}={likely}" if propose else "",
            }
        )
    return rows
