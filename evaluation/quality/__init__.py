"""Quality of a data set: checks, the audit that runs them, and the repair that follows.

`python -m evaluation audit` runs the checks. A check is one file of `evaluation/quality/checks`;
the file's name is the check's name. It has

    NAME: str       the file's name, as `--checks` takes it
    TITLE: str      a short heading
    run(dataset: AuditDataset) -> Findings

and, where needed, `DEFAULT = False` (the check runs only when it is named) and `OPTIONS`, a
dictionary of names and default values, which `--set NAME.option=value` changes and
`dataset.option(NAME, "option")` reads.

`AuditDataset` (dataset.py) is all that a check may look at: the samples of all splits as one
`Samples`, the split of each, and `ImageFeatures` (features.py): hashes, thumbnails, brightness,
number of faces and embeddings. Features are computed once for all checks and cached by content, so
that an unchanged file is never read again.

`run` returns `make_findings(rows, figures)`. `figures` are the check's own results (counts,
shares, p values) as JSON-serialisable values. The rows become a table of SCHEMA (check.py):

    sample_id  id of the sample; null where the finding is about a whole split
    split      the split that holds the sample
    score      in [0, 1], low = bad; comparable within one check only
    is_issue   whether somebody should look at it
    group      name of the cluster that the sample belongs to; null where it stands alone
    reason     one sentence
    action     what the check suggests: keep, drop, relabel or move
    value      relabel: `emotion=LABEL`, `gender=LABEL` or `age=YEARS`, labels as in core.labels;
               move: the target split; else ""

A sample without a finding needs no row. A sample may have several rows (two tasks, two clusters).
The member of a cluster that should stay has `is_issue` False and the action `keep`.

`repair/` turns findings into a plan, one row for each thing to do to a sample (plan.py), and
applies it to a copy; the data set itself is never changed.
"""

from evaluation.quality.check import (
    ACTIONS,
    SCHEMA,
    Check,
    Findings,
    load_checks,
    make_findings,
    run_check,
)
from evaluation.quality.dataset import AuditDataset, open_dataset

__all__ = [
    "ACTIONS",
    "SCHEMA",
    "AuditDataset",
    "Check",
    "Findings",
    "load_checks",
    "make_findings",
    "open_dataset",
    "run_check",
]
