"""Copies of one image with different labels: one of them is wrong, or the image is ambiguous.

Emotions conflict where the majority classes differ, ages where they lie more than `years` apart.
Where most copies agree, or the mean of their votes has one clear winner, that is the suggested
label; otherwise somebody has to look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
MIN_VOTE_LEAD = 0.05
"""Lead of the most voted emotion, as a share of the votes, from which it is suggested."""


@dataclass(frozen=True, slots=True)
class _Member:
    """One copy: how much of its cluster agrees with its label, the label, the cluster's best."""

    score: float
    label: str | None
    best: str | None


Judge = Callable[[AuditDataset, np.ndarray], list[_Member] | None]
"""The members of one cluster, by their positions; None where no labels conflict."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each member and task of a cluster whose labels conflict.

    The score says how much of the cluster agrees with the member. Figures by task: clusters, and
    clusters in which two members with the same pixels already conflict.
    """
    pixels = clusters.pixel_clusters(dataset)
    near = dataset.option(NAME, "near")
    cluster = clusters.near_clusters(dataset).cluster if near else pixels
    judges: dict[str, Judge] = {"emotion": _emotion, "gender": _gender, "age": _age}
    rows: list[Row] = []
    n_clusters = dict.fromkeys(judges, 0)
    n_exact = dict.fromkeys(judges, 0)
    for group in clusters.cluster_members(cluster):
        for task, judge in judges.items():
            members = judge(dataset, group)
            if members is None:
                continue
            n_clusters[task] += 1
            same_pixels = _by_pixels(group, pixels)
            n_exact[task] += any(judge(dataset, part) is not None for part in same_pixels)
            rows += _rows(dataset, group, task, members)
    return make_findings(rows, {"clusters": n_clusters, "clusters_with_the_same_pixels": n_exact})


def _rows(dataset: AuditDataset, group: np.ndarray, task: str, members: list[_Member]) -> list[Row]:
    ids = dataset.samples.ids
    name = clusters.cluster_name(task, [ids[i] for i in group])
    labels = {m.label for m in members if m.label is not None}
    rows: list[Row] = []
    for i, member in zip(group.tolist(), members, strict=True):
        if member.label is None:
            continue
        agrees = member.label == member.best
        relabel = member.best is not None and not agrees
        rows.append(
            {
                "sample_id": ids[i],
                "split": dataset.split[i],
                "score": member.score,
                "is_issue": not agrees,
                "group": name,
                "reason": f"{task} {member.label}, copies of it: "
                + ", ".join(sorted(labels - {member.label})),
                "action": "relabel" if relabel else "keep",
                "value": f"{task}={member.best}" if relabel else "",
            }
        )
    return rows


def _by_pixels(group: np.ndarray, pixels: np.ndarray) -> list[np.ndarray]:
    """Return the members of a cluster by equal pixels, where two or more have them."""
    parts = [group[pixels[group] == value] for value in set(pixels[group].tolist())]
    return [part for part in parts if len(part) > 1]


def _emotion(dataset: AuditDataset, group: np.ndarray) -> list[_Member] | None:
    codes, votes = dataset.samples.emotion[group], dataset.samples.emotion_votes[group]
    has_label = codes >= 0
    if len(set(codes[has_label].tolist())) < 2:
        return None
    mean = votes[has_label].mean(axis=0)  # (8,)
    first, second = np.sort(mean)[::-1][:2]
    best = FERPLUS8.labels[int(mean.argmax())] if first - second > MIN_VOTE_LEAD else None
    return [
        _Member(float(mean[c]) if c >= 0 else 1.0, FERPLUS8.labels[c] if c >= 0 else None, best)
        for c in codes
    ]


def _gender(dataset: AuditDataset, group: np.ndarray) -> list[_Member] | None:
    codes = dataset.samples.gender[group]
    labelled = codes[codes >= 0]
    if len(set(labelled.tolist())) < 2:
        return None
    share = np.bincount(labelled, minlength=len(GENDER2)) / len(labelled)
    best = GENDER2.labels[int(share.argmax())] if share.max() > 0.5 else None
    return [
        _Member(float(share[c]) if c >= 0 else 1.0, GENDER2.labels[c] if c >= 0 else None, best)
        for c in codes
    ]


def _age(dataset: AuditDataset, group: np.ndarray) -> list[_Member] | None:
    ages = dataset.samples.age[group]
    labelled = ages[~np.isnan(ages)]
    max_years = float(dataset.option(NAME, "years"))
    if len(labelled) < 2 or labelled.max() - labelled.min() <= max_years:
        return None
    values, counts = np.unique(labelled, return_counts=True)
    best = f"{values[counts.argmax()]:g}" if counts.max() > len(labelled) / 2 else None
    median = float(np.median(labelled))
    return [
        _Member(1.0, None, best)
        if np.isnan(age)
        else _Member(float(np.exp(-abs(age - median) / 10)), f"{age:g}", best)
        for age in ages
    ]
