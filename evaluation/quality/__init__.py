"""Checks of a data set's quality, one per file, and the repair that follows from them. `python -m
evaluation audit` runs the checks.

A check is a public module of this package with

    NAME: str            the file's name; what `--checks` takes
    TITLE: str           a short heading
    run(context: Context) -> pa.Table

and, where wanted, `DEFAULT = False` (runs only when it is named) and `OPTIONS: dict` (name ->
default value, changed by `--set NAME.option=value`, read by `context.option(NAME, "option")`).
Public modules without NAME are no checks (plan, apply, ...).

`run` returns what `findings(...)` makes, a table of SCHEMA:

    sample_id  id of the sample; null where the finding is about a whole split
    split      the split that holds it
    score      in [0, 1], low = bad; comparable inside one check only
    is_issue   whether the check would have somebody look at it
    group      string, null where it stands alone: members of one cluster (duplicates, a person) share it
    reason     one sentence
    action     keep | drop | relabel | move: what the check would do
    value      relabel: `emotion=LABEL`, `gender=LABEL` or `age=YEARS`, labels as in core.labels; move: the split to move to; else ""

A check need not give a row to a sample of which it has nothing to say. A sample may stand in
several rows (two tasks, two clusters). The member of a cluster that stays has is_issue False and
action `keep`. Schema metadata `mien.check` holds JSON: the check's own figures (counts, shares, p
values), read by `figures(table)`.

`Context` (see `_context.py`) is what a check may look at: the samples of all splits as one
`Samples`, the split of each, and features that are computed once for all checks, cached by content
and never again for unchanged files (`_features.py`): hashes, thumbnails, brightness, number of
faces, embedding.

A plan (`python -m evaluation audit --fix plan.csv`, see `plan.py`) has one row for each thing to do
to a sample: `sample_id,action,value,reason,split,fingerprint`.
"""

from evaluation.quality.check import ACTIONS, SCHEMA, figures, findings, load_checks, run_check
from evaluation.quality.dataset import Context, open_context

__all__ = [
    "ACTIONS",
    "SCHEMA",
    "Context",
    "figures",
    "findings",
    "load_checks",
    "open_context",
    "run_check",
]
