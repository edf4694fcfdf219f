"""New splits of a data set that leak nothing and in which all labels are spread evenly.

A cluster of duplicates, or a person where the data set says who it is, is in one split. Emotion,
perceived gender and age band, each and together, have the same shares in all splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data import Samples
from core.errors import UserError
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.label_columns import label_codes
from evaluation.quality.out_of_fold import inseparable_groups
from evaluation.quality.repair import plan_file
from evaluation.quality.repair.apply import ApplyResult, ImagePlacement, apply_plan
from evaluation.quality.repair.destination import require_outside
from evaluation.quality.repair.plan import PlanRow
from evaluation.quality.repair.stratify import assign_splits

SPLIT_NAMES: Mapping[int, tuple[str, ...]] = {2: ("train", "val"), 3: ("train", "val", "test")}
"""Number of shares -> names of the splits."""


@dataclass(frozen=True, slots=True)
class ShareDeviation:
    """How far a new split is from its target share of something.

    Attributes:
        what: `samples`, `emotion=LABEL`, `gender=LABEL` or `age=BAND`.
        split: its name.
        wanted: target share of the samples of that kind.
        got: share that the split holds.
        n: samples of that kind in all splits.
    """

    what: str
    split: str
    wanted: float
    got: float
    n: int


@dataclass(frozen=True, slots=True)
class RestratifyResult:
    """What was done.

    Attributes:
        applied: what was written.
        cluster_count: groups of samples that had to stay together, single samples included.
        shared_cluster_count: such groups of several samples.
        largest_cluster: samples in the largest of them.
        deviations: how far each split is from its targets, the farthest first.
    """

    applied: ApplyResult
    cluster_count: int
    shared_cluster_count: int
    largest_cluster: int
    deviations: tuple[ShareDeviation, ...]


def restratify(
    dataset: AuditDataset,
    out: Path,
    shares_text: str,
    *,
    seed: int = 0,
    placement: ImagePlacement = "manifest",
    data: Path | None = None,
    plan_path: Path | None = None,
) -> RestratifyResult:
    """Divide a data set anew and write the result as a folder with a manifest.

    Args:
        dataset: to divide; it is not changed.
        out: the new folder.
        shares_text: see `parse_shares`.
        seed: the same seed gives the same splits.
        placement: of the images, see `apply_plan`.
        data: what `--data` said, to carry on the provenance where the data set is a manifest.
        plan_path: where the moves are written as a plan too.

    Raises:
        UserError: the shares are none.
        DataError: the shares cannot be had, or the result cannot be written.
    """
    shares = parse_shares(shares_text)
    splits = SPLIT_NAMES[len(shares)]
    require_outside(out, dataset.samples.root)
    cluster = inseparable_groups(dataset)
    columns = [codes for codes, _ in label_codes(dataset.samples).values()]
    new_split = assign_splits(columns, cluster, shares, seed=seed)
    reason = f"restratified {shares_text}, seed {seed}"
    rows = [
        PlanRow(sample_id, "move", splits[new], reason, old, dataset.fingerprint)
        for sample_id, new, old in zip(
            dataset.samples.ids, new_split.tolist(), dataset.split.tolist(), strict=True
        )
        if splits[new] != old
    ]
    if plan_path is not None:
        plan_file.write_plan(sorted(rows, key=lambda row: row.sample_id), plan_path)
    applied = apply_plan(rows, dataset, out, placement, data=data)
    sizes = np.unique(cluster, return_counts=True)[1]
    return RestratifyResult(
        applied,
        cluster_count=len(sizes),
        shared_cluster_count=int((sizes > 1).sum()),
        largest_cluster=int(sizes.max()),
        deviations=tuple(share_deviations(dataset.samples, new_split, splits, shares)),
    )


def parse_shares(text: str) -> tuple[float, ...]:
    """Return shares that sum to 1.

    Args:
        text: `80/10/10` (train, val, test) or `90/10` (train, val), in percent or as fractions.

    Raises:
        UserError: other numbers.
    """
    try:
        values = [float(part) for part in text.replace(",", "/").split("/")]
    except ValueError:
        values = []
    total = sum(values)
    sums_to_one = abs(total - 100) < 0.01 or abs(total - 1) < 1e-4
    if len(values) not in SPLIT_NAMES or not all(v > 0 for v in values) or not sums_to_one:
        raise UserError(
            "Expected two or three positive shares that sum to 100, such as 80/10/10, "
            f"got {text!r}."
        )
    return tuple(v / total for v in values)


def share_deviations(
    samples: Samples, split: np.ndarray, splits: Sequence[str], shares: Sequence[float]
) -> list[ShareDeviation]:
    """Return how far each split is from its share of everything; the farthest first.

    With few samples of a kind the deviation is a matter of rounding: see `n`.

    Args:
        samples: the N samples.
        split: index into `splits` (N,).
        splits: names.
        shares: targets, by split.
    """
    split_of = {"samples": split}
    for name, (codes, labels) in label_codes(samples).items():
        for code in np.unique(codes[codes >= 0]).tolist():
            split_of[f"{name}={labels[code]}"] = split[codes == code]
    deviations = [
        ShareDeviation(what, split_name, share, float((of_kind == s).mean()), len(of_kind))
        for what, of_kind in split_of.items()
        for s, (split_name, share) in enumerate(zip(splits, shares, strict=True))
    ]
    return sorted(deviations, key=lambda d: -abs(d.got - d.wanted))
