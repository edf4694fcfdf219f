"""Copies of one picture that carry different labels: at least one of them is wrong, or the picture
is ambiguous.

Emotions conflict where the majority classes differ, ages where they lie more than `years` apart.
Where most copies agree, or the mean of their votes has one clear winner, that is the suggested
label; else somebody has to look.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8, GENDER2
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context
from evaluation.quality.duplicates import clusters

NAME = "conflicts"
TITLE = "Copies with different labels"
OPTIONS = {"near": True, "years": 2.0}


def run(context: Context) -> pa.Table:
    """One row for each member and task of a cluster whose labels conflict; the score is how much of
    the cluster agrees with the member.
    """
    near = context.option(NAME, "near")
    cluster = clusters.near_clusters(context).cluster if near else clusters.pixel_clusters(context)
    pixels = clusters.pixel_clusters(context)
    rows: list[dict[str, Any]] = []
    count = {"emotion": 0, "gender": 0, "age": 0}
    exact = dict(count)
    for group in clusters.members(cluster):
        for task, judge in (("emotion", _emotion), ("gender", _gender), ("age", _age)):
            found = judge(context, group)
            if found is None:
                continue
            count[task] += 1
            # The strictest reading: two members with the same pixels already conflict.
            exact[task] += any(judge(context, part) is not None for part in _parts(group, pixels))
            name = clusters.name_of(task, [context.samples.ids[i] for i in group])
            for i, (score, label, best) in zip(group.tolist(), found, strict=True):
                if label is None:
                    continue
                agreed = best is not None and label == best
                others = ", ".join(
                    sorted({other for _, other, _ in found if other not in (None, label)})
                )
                rows.append(
                    {
                        "sample_id": context.samples.ids[i],
                        "split": context.split[i],
                        "score": score,
                        "is_issue": not agreed,
                        "group": name,
                        "reason": f"{task} {label}, copies of it: {others}",
                        "action": "keep" if agreed or best is None else "relabel",
                        "value": "" if agreed or best is None else f"{task}={best}",
                    }
                )
    return findings(rows, {"clusters": count, "clusters_with_the_same_pixels": exact})


Judged = list[tuple[float, str | None, str | None]] | None
"""(score, own label, best label of the cluster) of each member; None where nothing conflicts."""


def _parts(group: np.ndarray, pixels: np.ndarray) -> list[np.ndarray]:
    return [
        part
        for value in set(pixels[group].tolist())
        if len(part := group[pixels[group] == value]) > 1
    ]


def _emotion(context: Context, group: np.ndarray) -> Judged:
    codes, votes = context.samples.emotion[group], context.samples.emotion_votes[group]
    known = codes >= 0
    if len(set(codes[known].tolist())) < 2:
        return None
    mean = votes[known].mean(axis=0)  # (8,)
    first, second = np.sort(mean)[::-1][:2]
    best = FERPLUS8.labels[int(mean.argmax())] if first - second > 0.05 else None
    return [
        (float(mean[c]) if c >= 0 else 1.0, FERPLUS8.labels[c] if c >= 0 else None, best)
        for c in codes
    ]


def _gender(context: Context, group: np.ndarray) -> Judged:
    codes = context.samples.gender[group]
    known = codes[codes >= 0]
    if len(set(known.tolist())) < 2:
        return None
    share = np.bincount(known, minlength=len(GENDER2)) / len(known)
    best = GENDER2.labels[int(share.argmax())] if share.max() > 0.5 else None
    return [
        (float(share[c]) if c >= 0 else 1.0, GENDER2.labels[c] if c >= 0 else None, best)
        for c in codes
    ]


def _age(context: Context, group: np.ndarray) -> Judged:
    years = context.samples.age[group]
    known = years[~np.isnan(years)]
    if len(known) < 2 or known.max() - known.min() <= context.option(NAME, "years"):
        return None
    values, times = np.unique(known, return_counts=True)
    best = f"{values[times.argmax()]:g}" if times.max() > len(known) / 2 else None
    middle = float(np.median(known))
    return [
        (1.0, None, best) if np.isnan(y) else (float(np.exp(-abs(y - middle) / 10)), f"{y:g}", best)
        for y in years
    ]
