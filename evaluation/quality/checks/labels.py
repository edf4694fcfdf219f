"""Suspect emotion and gender labels: confident learning on out-of-fold probabilities (Northcutt et
al., JAIR 2021, by cleanlab).

The probability of a label comes from a model that has not seen it: a logistic regression on the
embeddings of the shipped network, fitted on the other folds; duplicates and pictures of one person
are in one fold. One thing it cannot undo: the network behind the embeddings was trained on the
official train parts of FER+ and UTKFace with their labels, so its embeddings of those pictures know
them a little, and a wrong label there is harder to see than elsewhere (docs/data_quality.md says
how much). With `predictions=T.parquet`, a predictions table of a model that has not seen
the labels it judges, there is no such doubt.

Where people have voted, a label is only suspect where the model's answer lies outside of their
votes; where the votes are split and the model's answer is among them, the picture is ambiguous and
its label is not wrong: it is listed, but is no issue. In a set with votes no new label is proposed
either: ten people were right nine times out of ten where a sure model differed
(docs/data_quality.md). Score: the probability of the given label.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8, GENDER2, LabelSpace
from evaluation.predictions import arrays, table
from evaluation.predictions.schema import P_EMOTION, P_GENDER
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context
from evaluation.quality.out_of_fold import out_of_fold, together

NAME = "labels"
TITLE = "Suspect labels"
OPTIONS = {"predictions": "", "folds": 5, "seed": 0, "sure": 0.9, "outvote": False}
"""predictions: a table to take probabilities from. sure: probability from which another label is
proposed; below, somebody should look. outvote: propose it also in a set whose labels people have
voted on.
"""
INSIDE = 0.15
"""Share of the votes from which an answer counts as one that people gave."""
SPLIT = 0.6
"""Share of the votes below which the most voted label is no agreement."""
FEWEST = 20
"""Samples below which nothing can be said."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Of M labelled samples. score: float64 (M,) probability of the given label. likely, sure: the
    most probable class int64 (M,) and its probability. wrong, ambiguous: bool (M,).
    """

    score: np.ndarray
    likely: np.ndarray
    sure: np.ndarray
    wrong: np.ndarray
    ambiguous: np.ndarray


def run(context: Context) -> pa.Table:
    """One row for each suspect or ambiguous label. Figures by task: samples, suspects, ambiguous,
    agreement with the given labels.
    """
    rows: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    for task, space in (("emotion", FERPLUS8), ("gender", GENDER2)):
        given = getattr(context.samples, task)
        votes = context.samples.emotion_votes if task == "emotion" else None
        at, p, source = probabilities(context, task, given, len(space))
        if source is None:
            continue
        if not source or len(at) < FEWEST or len(np.unique(given[at])) < 2:
            note = f"expected {FEWEST} samples of two classes and more than one person, so nothing is said"
            figures[task] = {"samples": len(at), "note": note}
            continue
        judged = judge(given[at], p, None if votes is None else votes[at])
        sure = float(context.option(NAME, "sure"))
        if (
            votes is not None
            and ((votes > 0) & (votes < 1)).any()
            and not context.option(NAME, "outvote")
        ):
            sure = np.inf
        rows += _rows(context, at, judged, task, space, sure)
        figures[task] = {
            "samples": len(at),
            "suspects": int(judged.wrong.sum()),
            "ambiguous": int(judged.ambiguous.sum()),
            "agreement": float((judged.likely == given[at]).mean()),
            "probabilities": source,
        }
    return findings(rows, figures)


def probabilities(
    context: Context, task: str, given: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """(places of the samples that can be judged, probabilities (M, classes), where they come from).

    The last is None where nothing is labelled, and empty where there are too few to fit a model.
    """
    known = np.flatnonzero(given >= 0)
    nothing = np.zeros(0, np.int64), np.zeros((0, classes))
    if not len(known):
        return *nothing, None
    if file := str(context.option(NAME, "predictions")):
        return _of_table(context, Path(file), task, known, classes)
    seen = context.features.embedding
    known = known[np.abs(seen[known]).sum(axis=1) > 0]  # unreadable files have none
    group = together(context)[known]
    labels, y = np.unique(given[known], return_inverse=True)
    if len(known) < FEWEST or len(labels) < 2 or len(np.unique(group)) < 2:
        return known, np.zeros((len(known), classes)), ""
    p = np.zeros((len(known), classes))
    p[:, labels] = out_of_fold(
        seen[known],
        y,
        group,
        folds=int(context.option(NAME, "folds")),
        seed=int(context.option(NAME, "seed")),
    )
    return known, p, f"{context.option(NAME, 'folds')} folds, logistic regression on embeddings"


def _of_table(
    context: Context, file: Path, task: str, known: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Probabilities of the samples of `known` that a predictions table holds too."""
    found = arrays.one_model(table.read(file), None)
    columns = [P_EMOTION + label for label in FERPLUS8.labels] if task == "emotion" else [P_GENDER]
    there = [c for c in columns if c in found.column_names]
    if not there:
        return np.zeros(0, np.int64), np.zeros((0, classes)), None
    row = {name: i for i, name in enumerate(found["sample_id"].to_pylist())}
    at = np.array([i for i in known.tolist() if context.samples.ids[i] in row], np.int64)
    take = [row[context.samples.ids[i]] for i in at.tolist()]
    p = np.zeros((len(at), classes))
    for name in there:
        p[:, columns.index(name)] = found[name].to_numpy()[take]
    if task == "gender":  # the one column is that of the first class
        p[:, 1] = 1 - p[:, 0]
    whole = ~np.isnan(p).any(axis=1)
    return at[whole], p[whole], file.name


def judge(given: np.ndarray, p: np.ndarray, votes: np.ndarray | None = None) -> Judged:
    """Labels (M,) and out-of-fold probabilities (M, K), with the votes' shares (M, K) where people
    have voted (NaN rows: they have not).

    The only sample of a class is never called wrong: there is nothing to compare it with.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    used = np.unique(given)
    place = np.searchsorted(used, given)
    inner = np.maximum(
        p[:, used], 1e-12
    )  # cleanlab counts classes from the labels; those that nobody has are left out
    inner /= inner.sum(axis=1, keepdims=True)
    score = get_label_quality_scores(place, inner, method="self_confidence").clip(0, 1)
    with (
        warnings.catch_warnings()
    ):  # it numbers the classes anew, so its warning names none that anybody knows
        warnings.filterwarnings("ignore", "May not flag all label issues", UserWarning)
        doubted = find_label_issues(place, inner, filter_by="both", n_jobs=1)
    likely = used[inner.argmax(axis=1)]
    wrong, ambiguous = doubted & (likely != given), np.zeros(len(given), bool)
    if votes is not None:
        voted = ~np.isnan(votes).any(axis=1) & (
            votes.max(axis=1, initial=0) < 1
        )  # all on one label: a label, or all agree
        inside = np.nan_to_num(votes)[np.arange(len(given)), likely] >= INSIDE
        ambiguous = voted & inside & (np.nan_to_num(votes).max(axis=1) < SPLIT)
        wrong &= ~inside
    return Judged(score, likely, inner.max(axis=1), wrong, ambiguous & ~wrong)


def _rows(
    context: Context, at: np.ndarray, judged: Judged, task: str, space: LabelSpace, sure: float
) -> list[dict[str, Any]]:
    given, rows = getattr(context.samples, task), []
    name = "perceived gender" if task == "gender" else task
    for k in np.flatnonzero(judged.wrong | judged.ambiguous).tolist():
        i, label, p = int(at[k]), space.labels[judged.likely[k]], float(judged.sure[k])
        wrong = bool(judged.wrong[k])
        if wrong:
            said = f"{name} {space.labels[given[i]]} has probability {judged.score[k]:.2f}, {label} {p:.2f}"
        else:
            votes = context.samples.emotion_votes[i]
            split = ", ".join(
                f"{space.labels[j]} {votes[j]:.0%}"
                for j in np.argsort(-votes, kind="stable")[:3]
                if votes[j] > 0
            )
            said = f"ambiguous, not wrong: votes are {split}; the model says {label} ({p:.2f})"
        propose = wrong and p >= sure
        rows.append(
            {
                "sample_id": context.samples.ids[i],
                "split": context.split[i],
                "score": float(judged.score[k]),
                "is_issue": wrong,
                "reason": said,
                "action": "relabel" if propose else "keep",
                "value": f"{task}={label}" if propose else "",
            }
        )
    return rows
