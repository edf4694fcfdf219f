"""Drift: whether the splits look like draws from one set, by label and by how the pictures look.

PSI (population stability index) and Jensen-Shannon divergence say how far two distributions lie
apart, the chi-square test of homogeneity whether chance explains it. With many samples every trifle
is significant, so an issue needs both: `p` and a PSI above `psi`.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.quality import label_columns
from evaluation.quality.check import findings
from evaluation.quality.dataset import Context

NAME = "drift"
TITLE = "Drift between splits"
OPTIONS = {"psi": 0.1, "p": 0.01}
"""psi: 0.1 is the usual limit of a notable, 0.25 of a large shift. p: level of the test, after
Holm's correction.
"""
LOOKS = ("width", "height", "mean", "std", "sharp", "entropy", "colour")
BINS = 10


def run(context: Context) -> pa.Table:
    """One row for each column and pair of splits; `sample_id` is null."""
    names = context.splits
    columns = label_columns.classes(context)
    seen = context.features.pixels
    for name in LOOKS:
        columns[f"picture {name}"] = bins(seen[name].astype(float), seen["readable"])
    found: list[tuple[str, str, str, dict[str, float]]] = []
    for column, values in columns.items():
        _, counts = label_columns.table(values, context.split, names)
        for a, b in combinations(range(len(names)), 2):
            if counts[a].sum() and counts[b].sum():
                found.append((column, names[a], names[b], compare(counts[a], counts[b])))
    order = np.argsort([f["p"] for *_, f in found], kind="stable")
    least = 0.0
    for k, i in enumerate(order):  # Holm
        least = max(least, min(1.0, found[i][3]["p"] * (len(found) - k)))
        found[i][3]["p_holm"] = least
    rows: list[dict[str, Any]] = []
    for column, one, other, f in found:
        issue = f["psi"] > context.option(NAME, "psi") and f["p_holm"] < context.option(NAME, "p")
        text = f"{column}: PSI {f['psi']:.3f}, Jensen-Shannon {f['js']:.4f} bits, chi-square {f['chi2']:.1f} ({f['dof']:.0f}), p {f['p']:.2g}"
        rows.append(
            {
                "split": other,
                "group": f"{one}/{other}",
                "score": float(np.exp(-f["psi"] / 0.25)),
                "is_issue": bool(issue),
                "reason": text,
            }
        )
    return findings(rows, {"pairs": [{"column": c, "splits": [a, b], **f} for c, a, b, f in found]})


def bins(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Numbers (N,) as names of their tenths, "" where not `known`; few different numbers keep their
    own name.
    """
    made = np.full(len(values), "", dtype="U24")
    if known.any():
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]))
        made[known] = np.searchsorted(edges, values[known], side="right").astype("U24")
    return made


def compare(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Counts (K,) of two splits -> psi, js (bits, 0 to 1), chi2, dof, p. Empty cells count as half
    a sample in the PSI, as is usual.
    """
    from scipy.stats import chi2_contingency

    used = (a + b) > 0
    a, b = a[used].astype(float), b[used].astype(float)
    p, q = (
        np.maximum(a, 0.5) / np.maximum(a, 0.5).sum(),
        np.maximum(b, 0.5) / np.maximum(b, 0.5).sum(),
    )
    psi = float(((p - q) * np.log(p / q)).sum())
    p, q = a / a.sum(), b / b.sum()
    middle = (p + q) / 2
    js = sum(float((x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum()) for x in (p, q)) / 2
    if len(a) < 2:
        return {"psi": 0.0, "js": 0.0, "chi2": 0.0, "dof": 0, "p": 1.0}
    test = chi2_contingency(np.stack([a, b]), correction=False)
    return {
        "psi": max(psi, 0.0),
        "js": max(js, 0.0),
        "chi2": float(test.statistic),
        "dof": int(test.dof),
        "p": float(test.pvalue),
    }
