"""Drift: whether the splits look like draws from one set, by labels and by how images look.

The population stability index (PSI) and the Jensen-Shannon divergence say how far two
distributions lie apart, the chi-square test of homogeneity whether chance explains it. With many
samples every trifle is significant, so an issue needs both a PSI above `psi` and a p value below
`p`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from evaluation.quality import label_columns
from evaluation.quality.check import Findings, Row, make_findings
from evaluation.quality.dataset import AuditDataset
from evaluation.statistics.significance import holm

NAME = "drift"
TITLE = "Drift between splits"
OPTIONS = {"psi": 0.1, "p": 0.01}
"""psi: 0.1 is the usual threshold of a notable shift, 0.25 of a large one. p: level of the test,
after Holm's correction.
"""
IMAGE_FIELDS = ("width", "height", "mean", "std", "sharp", "entropy", "colour")
N_BINS = 10
LARGE_PSI = 0.25


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far two distributions lie apart.

    Attributes:
        psi: population stability index; an empty cell counts as half a sample, as is usual.
        js: Jensen-Shannon divergence in bits, 0 to 1.
        chi2: statistic of the chi-square test of homogeneity.
        dof: its degrees of freedom.
        p: its p value.
    """

    psi: float
    js: float
    chi2: float
    dof: int
    p: float


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each column and pair of splits; `sample_id` is null."""
    splits = dataset.splits
    columns = label_columns.class_columns(dataset)
    images = dataset.features.images
    for name in IMAGE_FIELDS:
        columns[f"picture {name}"] = quantile_bins(images[name].astype(float), images["readable"])
    compared: list[tuple[str, str, str, Divergence]] = []
    for column, values in columns.items():
        _, counts = label_columns.count_by_split(values, dataset.split, splits)
        for a, b in combinations(range(len(splits)), 2):
            if counts[a].sum() and counts[b].sum():
                divergence = compare_counts(counts[a], counts[b])
                compared.append((column, splits[a], splits[b], divergence))
    corrected = holm(np.array([d.p for *_, d in compared]))
    max_psi, level = float(dataset.option(NAME, "psi")), float(dataset.option(NAME, "p"))
    rows: list[Row] = []
    pairs: list[dict[str, object]] = []
    for (column, first, second, d), p_holm in zip(compared, corrected.tolist(), strict=True):
        rows.append(
            {
                "split": second,
                "group": f"{first}/{second}",
                "score": float(np.exp(-d.psi / LARGE_PSI)),
                "is_issue": d.psi > max_psi and p_holm < level,
                "reason": f"{column}: PSI {d.psi:.3f}, Jensen-Shannon {d.js:.4f} bits, "
                f"chi-square {d.chi2:.1f} ({d.dof:.0f}), p {d.p:.2g}",
            }
        )
        pair = {"column": column, "splits": [first, second], **asdict(d), "p_holm": p_holm}
        pairs.append(pair)
    return make_findings(rows, {"pairs": pairs})


def quantile_bins(values: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """Return the number of the tenth that each value lies in.

    Args:
        values: (N,); a few different values get a bin each.
        is_known: bool (N,).

    Returns:
        Texts (N,), "" where not known.
    """
    names = np.full(len(values), "", dtype="U24")
    if is_known.any():
        inner = np.linspace(0, 1, N_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(values[is_known], inner))
        names[is_known] = np.searchsorted(edges, values[is_known], side="right").astype("U24")
    return names


def compare_counts(a: np.ndarray, b: np.ndarray) -> Divergence:
    """Return how far the distributions of two splits lie apart.

    Args:
        a: counts (K,) of the first split.
        b: counts (K,) of the second split.
    """
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import chi2_contingency

    used = (a + b) > 0
    a, b = a[used].astype(float), b[used].astype(float)
    if len(a) < 2:
        return Divergence(0.0, 0.0, 0.0, 0, 1.0)
    p, q = (np.maximum(x, 0.5) / np.maximum(x, 0.5).sum() for x in (a, b))
    psi = float(((p - q) * np.log(p / q)).sum())
    js = float(jensenshannon(a, b, base=2)) ** 2
    test = chi2_contingency(np.stack([a, b]), correction=False)
    return Divergence(max(psi, 0.0), js, float(test.statistic), int(test.dof), float(test.pvalue))
