"""How large each split is, against a target such as 80/10/10 for train, val and test."""

from __future__ import annotations

import pyarrow as pa

from core.errors import UserError
from evaluation.quality.check import findings
from evaluation.quality.dataset import SPLITS, Context

NAME = "split_shares"
TITLE = "Shares of the splits"
OPTIONS = {"target": "80/10/10", "tolerance": 0.02}
"""target: percent of train/val/test. tolerance: of the share, before it is an issue."""


def run(context: Context) -> pa.Table:
    """One row for each split of the target or the data; `sample_id` is null.

    Raises:
        UserError: the target is no list of shares.
    """
    text = str(context.option(NAME, "target"))
    try:
        target = [float(p) for p in text.split("/")]
        if len(target) != len(SPLITS) or min(target) < 0 or sum(target) <= 0:
            raise ValueError
    except ValueError:
        raise UserError(
            f"Expected split_shares.target to be three shares, got {text!r}; try 80/10/10."
        ) from None
    rows, shares = [], {}
    for split in dict.fromkeys((*SPLITS, *context.splits)):
        count = int((context.split == split).sum())
        share = count / max(len(context), 1)
        wanted = target[SPLITS.index(split)] / sum(target) if split in SPLITS else 0.0
        shares[split] = {"samples": count, "share": share, "target": wanted}
        off = abs(share - wanted)
        rows.append(
            {
                "split": split,
                "score": max(0.0, 1 - off / max(wanted, 0.01)),
                "is_issue": off > context.option(NAME, "tolerance"),
                "reason": f"{count} samples, {share:.1%} of all; the target is {wanted:.1%}",
            }
        )
    return findings(rows, {"splits": shares})
