"""Size of each split against a target such as 80/10/10 for train, val and test."""

from __future__ import annotations

from core.errors import UserError
from core.vocabulary import count_of
from evaluation.quality.check import Findings, make_findings
from evaluation.quality.dataset import SPLITS, AuditDataset

NAME = "split_shares"
TITLE = "Shares of the splits"
OPTIONS = {"target": "80/10/10", "tolerance": 0.02}
"""target: percent of train/val/test. tolerance: difference of a share that is no issue."""


def run(dataset: AuditDataset) -> Findings:
    """Return one row for each split of the target or the data; `sample_id` is null.

    Raises:
        UserError: the target is no list of shares.
    """
    target = _target_shares(str(dataset.option(NAME, "target")))
    tolerance = float(dataset.option(NAME, "tolerance"))
    rows, figures = [], {}
    for split in dict.fromkeys((*SPLITS, *dataset.splits)):
        count = int((dataset.split == split).sum())
        share = count / max(len(dataset), 1)
        target_share = target.get(split, 0.0)
        figures[split] = {"samples": count, "share": share, "target": target_share}
        difference = abs(share - target_share)
        rows.append(
            {
                "split": split,
                "score": max(0.0, 1 - difference / max(target_share, 0.01)),
                "is_issue": difference > tolerance,
                "reason": f"{count_of(count, 'sample')}, {share:.1%} of all; the target is "
                f"{target_share:.1%}",
            }
        )
    return make_findings(rows, {"splits": figures})


def _target_shares(text: str) -> dict[str, float]:
    """Return split -> share of `80/10/10`; the shares sum to 1."""
    try:
        parts = [float(part) for part in text.split("/")]
        if len(parts) != len(SPLITS) or min(parts) < 0 or sum(parts) <= 0:
            raise ValueError
    except ValueError:
        raise UserError(
            f"Expected split_shares.target to be three shares, got {text!r}; try 80/10/10."
        ) from None
    return {split: part / sum(parts) for split, part in zip(SPLITS, parts, strict=True)}
