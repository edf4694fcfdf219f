"""Copies of one image with different labels: one of them is wrong, or the image is ambiguous.

Emotions conflict where the majority classes differ, ages where they lie more than `years` apart.
Where most copies agree, or the mean of their votes has one clear winner, that is the suggested
label; otherwise somebody has to look.
"""

from __future__ import annotations

import numpy as np

from core.labels import FERPLUS8, GENDER2
from evaluation.quality.check import Findings, Row, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.duplicates import clusters

NAME = "conflicts"
TITLE = "Copies with different labels"
OPTIONS = {"near": True, "years": 2.0}
"""near: compare near duplicates too, not only images with the same pixels. years: difference of
ages from which they conflict.
"""
TASKS = ("emotion", "gender", "age")
MIN_VOTE_LEAD = 0.05
"""Lead of the most voted emotion, as a share of the votes, from which it is suggested."""


Judgement = tuple[list[float], list[str | None], str | None]
"""How much of a cluster agrees with each member's label, the labels, and the best one."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member and task of a cluster whose labels conflict.

    The score says how much of the cluster agrees with the member. Figures by task: clusters, and
    clusters in which two members with the same pixels already conflict.
    """
    pixels = clusters.pixel_clusters(dataset)
    near = dataset.option(NAME, "near")
    cluster = clusters.near_clusters(dataset).cluster if near else pixels
    rows: list[Row] = []
    n_clusters = dict.fromkeys(TASKS, 0)
    n_exact = dict.fromkeys(TASKS, 0)
    for group in clusters.cluster_members(cluster):
        for task in TASKS:
            judgement = _judge(dataset, task, group)
            if judgement is not None:
                n_clusters[task] += 1
                same_pixels = _by_pixels(group, pixels)
                n_exact[task] += any(_judge(dataset, task, part) for part in same_pixels)
                rows += _rows(dataset, group, task, judgement)
    return make_findings(rows, {"clusters": n_clusters, "clusters_with_the_same_pixels": n_exact})


def _rows(dataset: AuditDataset, group: np.ndarray, task: str, judgement: Judgement) -> list[Row]:
    ids = dataset.samples.ids
    name = clusters.cluster_name(task, [ids[i] for i in group])
    scores, labels, best = judgement
    rows: list[Row] = []
    for i, score, label in zip(group.tolist(), scores, labels, strict=True):
        if label is None:
            continue
        relabel = best is not None and label != best
        rows.append(
            {
                "sample_id": ids[i],
                "split": dataset.split[i],
                "score": score,
                "is_issue": label != best,
                "group": name,
                "reason": f"{task} {label}, copies of it: "
                + ", ".join(sorted({other for other in labels if other not in (label, None)})),
                "action": "relabel" if relabel else "keep",
                "value": f"{task}={best}" if relabel else "",
            }
        )
    return rows


def _by_pixels(group: np.ndarray, pixels: np.ndarray) -> list[np.ndarray]:
    """Return the members of a cluster by equal pixels, where two or more have them."""
    parts = [group[pixels[group] == value] for value in set(pixels[group].tolist())]
    return [part for part in parts if len(part) > 1]


def _judge(dataset: AuditDataset, task: str, group: np.ndarray) -> Judgement | None:
    """Return the judgement of a cluster's labels, None where they do not conflict."""
    if task == "age":
        return _judge_ages(dataset.samples.age[group], float(dataset.option(NAME, "years")))
    is_emotion = task == "emotion"
    space = FERPLUS8 if is_emotion else GENDER2
    codes = (dataset.samples.emotion if is_emotion else dataset.samples.gender)[group]
    labelled = codes[codes >= 0]
    if len(set(labelled.tolist())) < 2:
        return None
    if is_emotion:
        share = dataset.samples.emotion_votes[group][codes >= 0].mean(axis=0)  # (8,)
        is_clear = share.max() - np.sort(share)[-2] > MIN_VOTE_LEAD
    else:
        share = np.bincount(labelled, minlength=len(space)) / len(labelled)
        is_clear = share.max() > 0.5
    return (
        [float(share[c]) if c >= 0 else 1.0 for c in codes],
        [space.labels[c] if c >= 0 else None for c in codes],
        space.labels[int(share.argmax())] if is_clear else None,
    )


def _judge_ages(ages: np.ndarray, max_years: float) -> Judgement | None:
    labelled = ages[~np.isnan(ages)]
    if len(labelled) < 2 or labelled.max() - labelled.min() <= max_years:
        return None
    values, counts = np.unique(labelled, return_counts=True)
    return (
        np.exp(-np.abs(ages - np.median(labelled)) / 10).tolist(),
        [None if np.isnan(age) else f"{age:g}" for age in ages],
        f"{values[counts.argmax()]:g}" if counts.max() > len(labelled) / 2 else None,
    )
