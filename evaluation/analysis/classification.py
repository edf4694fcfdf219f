"""Figures of a task with classes: emotion and perceived gender. See `evaluation.analysis.summary`
for the whole table.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from core.labels import FERPLUS8
from evaluation.metrics import agreement, calibration, classification, curves, selective
from evaluation.predictions import arrays
from evaluation.statistics.bootstrap import percentiles, spread
from evaluation.statistics.estimate import Estimate, Figures, Sample, or_none

SHARE = 0.3
"""An answer that at least this share of the voters gave is one that a person may give."""
BINS = 15
STEPS = 100
"""Bands of equal mass in which the interval of the area under the risk-coverage curve is drawn."""
OF_MATRIX = {
    "macro_f1": classification.macro_f1,
    "balanced_accuracy": classification.balanced_accuracy,
    "kappa": classification.kappa,
}


def of_classes(
    seen: arrays.Classes | None,
    groups: dict[str, arrays.Coded],
    cluster: np.ndarray | None,
    by: str | None,
    voted: np.ndarray | None = None,
) -> Figures | None:
    """All figures of one task; groups, cluster and voted are of the whole table. None where nothing
    was seen.
    """
    if seen is None:
        return None
    k, n = len(seen.labels), len(seen.rows)
    sample = Sample(n, None if cluster is None else arrays.only(cluster, seen.rows), by)
    code = seen.true * k + seen.pred
    matrix = classification.confusion(seen.true, seen.pred, k)
    drawn = sample.counted(code, (k, k))  # (rounds, k, k)
    hits = seen.true == seen.pred
    result: Figures = {
        "n": n,
        "accuracy": sample.share(hits),
        **{
            name: Estimate.of(float(of(matrix)), percentiles(of(drawn)), n)
            for name, of in OF_MATRIX.items()
        },
        "averages": {
            name: asdict(classification.average(matrix, name == "weighted"))
            for name in ("macro", "weighted")
        },
        "clusters": sample.draws.clusters,
        "method": sample.method,
        "ece": None,
        "ece_equal_mass": None,
        "classwise_ece": None,
        "nll": None,
        "brier": None,
        "aurc": None,
        "reliability": None,
        "risk_coverage": None,
        "votes": None if voted is None else _of_votes(seen, arrays.only(voted, seen.rows), sample),
        "labels": list(seen.labels),
        "confusion": matrix.tolist(),
        "per_class": _per_class(seen, matrix, drawn, sample, hits),
        "groups": {},
    }
    if seen.p is not None:
        result |= _calibration(seen, seen.p, sample)
        own = result.pop("ece_by_class")
        result["per_class"] = [
            c | {"ece": e} for c, e in zip(result["per_class"], own, strict=True)
        ]
    for name, group in groups.items():
        here = group.at(seen.rows)
        shares = sample.shares(hits, here.codes, len(here.values))
        result["groups"][name] = [
            {"value": v, "accuracy": s} for v, s in zip(here.values, shares, strict=True) if s.n
        ]
    result["groups"] = {name: rows for name, rows in result["groups"].items() if rows}
    return result


def _per_class(
    seen: arrays.Classes, matrix: np.ndarray, drawn: np.ndarray, sample: Sample, hits: np.ndarray
) -> list[Figures]:
    k = len(seen.labels)
    each, many = classification.per_class(matrix), classification.per_class(drawn)
    areas = [
        (np.nan, np.nan) if seen.p is None else curves.areas(seen.p[:, i], seen.true == i)
        for i in range(k)
    ]
    recalls, precisions = sample.shares(hits, seen.true, k), sample.shares(hits, seen.pred, k)
    made = []
    for i, label in enumerate(seen.labels):
        f1 = Estimate.of(each.f1[i], spread(many.f1[:, i]), sample.n)
        made.append(
            {
                "label": label,
                "n": int(each.support[i]),
                "recall": recalls[i],
                "precision": precisions[i],
                "f1": f1.value,
                "f1_ci95": [f1.low, f1.high],
                "auroc": or_none(areas[i][0]),
                "average_precision": or_none(areas[i][1]),
                "ece": None,
            }
        )
    return made


def _calibration(seen: arrays.Classes, p: np.ndarray, sample: Sample) -> Figures:
    """Whether the probabilities of float (n, k) `p` can be believed, and what saying nothing when
    unsure buys.
    """
    k = p.shape[1]
    top, best = arrays.most_probable(p)
    right = best == seen.true
    equal, mass = (
        _ece(sample, [calibration.bins_of(top, BINS, mass=m)], [right - top])[0]
        for m in (False, True)
    )
    own = [(seen.true == c) - p[:, c] for c in range(k)]
    classwise, by_class = _ece(sample, [calibration.bins_of(p[:, c], BINS) for c in range(k)], own)
    diagram = calibration.reliability(top, right, BINS)
    curve = selective.risk_coverage(top, right)
    at = np.unique(
        np.searchsorted(curve.coverage, np.linspace(0.05, 1, 20)).clip(0, len(curve.coverage) - 1)
    )
    return {
        "ece": equal,
        "ece_equal_mass": mass,
        "classwise_ece": classwise,
        "ece_by_class": by_class,
        "reliability": {
            name: [or_none(v) for v in getattr(diagram, name)]
            for name in ("confidence", "accuracy", "count")
        },
        "nll": sample.mean(calibration.nll(p, seen.true)),
        "brier": sample.mean(calibration.brier(p, seen.true)),
        "aurc": _aurc(top, right, curve, sample),
        "risk_coverage": {
            name: getattr(curve, name)[at].tolist() for name in ("coverage", "risk", "threshold")
        },
    }


def _ece(
    sample: Sample, bins: list[np.ndarray], off: list[np.ndarray]
) -> tuple[Estimate, list[Estimate]]:
    """(mean over the lists, one figure each) of the calibration errors with these int (n,) bins and
    float (n,) right - confidence.

    An ECE is the sum over bins of |sum of right - confidence|, per sample, so it can be drawn again
    from what each unit adds to the bins.
    """
    totals = np.stack(
        [sample.draws.counts(b, BINS, o) for b, o in zip(bins, off, strict=True)], axis=1
    )  # (units, lists, bins)
    rows = sample.draws.totals(np.ones(sample.n))  # (units, 1)
    errors = np.abs(totals.sum(axis=0)).sum(axis=-1) / sample.n  # (lists,)
    drawn = np.abs(sample.draws.draw(totals)).sum(axis=-1) / sample.draws.draw(
        rows
    )  # (rounds, lists)
    each = [Estimate.of(e, percentiles(drawn[:, i]), sample.n) for i, e in enumerate(errors)]
    return Estimate.of(errors.mean(), percentiles(drawn.mean(axis=1)), sample.n), each


def _aurc(
    top: np.ndarray, right: np.ndarray, curve: selective.RiskCoverage, sample: Sample
) -> Estimate:
    """The area exactly; its interval from STEPS bands of confidence, moved by what the bands alone
    change.
    """
    exact = selective.area(curve)
    band = STEPS - 1 - calibration.bins_of(top, STEPS, mass=True)  # the surest first
    code = band * 2 + right

    def area(counts: np.ndarray) -> np.ndarray:
        """(..., STEPS, 2) wrong and right -> (...)."""
        answered = counts.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            risk = counts[..., 0].cumsum(axis=-1) / answered.cumsum(axis=-1)
        return (np.nan_to_num(risk) * answered).sum(axis=-1) / answered.sum(axis=-1)

    counts = np.bincount(code, minlength=2 * STEPS).reshape(STEPS, 2)
    low, high = percentiles(area(sample.counted(code, (STEPS, 2))) - area(counts) + exact)
    return Estimate.of(exact, (max(low, 0.0), high), sample.n)


def _of_votes(seen: arrays.Classes, voted: np.ndarray, sample: Sample) -> Figures | None:
    """Figures against the votes of the samples that have any; shares: float (n, 8) in the order of
    FERPLUS8.
    """
    there = ~np.isnan(agreement.shares(voted)).any(axis=1)
    if not there.any():
        return None
    voted, part = voted[there], sample.part(there)
    places = np.array([FERPLUS8.labels.index(label) for label in seen.labels])
    pred = places[seen.pred[there]]
    result: Figures = {
        "n": len(voted),
        "share": SHARE,
        "kl": None,
        "ceiling": part.mean(agreement.ceiling(voted)),
    }
    for name, share in (("majority", None), ("any", SHARE)):
        result[name] = part.share(agreement.right(voted, pred, share) > 0)
    if seen.p is not None:
        p = np.zeros(voted.shape)
        p[:, places] = seen.p[there]
        result["kl"] = part.mean(agreement.kl(voted, p))
    return result
