"""Columns of a table under the names of the contract: `--map OURS=THEIRS`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import pyarrow as pa

from core.errors import DataError
from evaluation.predictions.schema import CONDITION, GROUP, TYPES, some
from evaluation.predictions.tasks import HIGH, LOW, PRED, RESERVED_NAMES, TRUE, P, is_task_name


def rename(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return `table` with the columns `names.values()` renamed to `names.keys()`.

    A column that already has such a name is replaced.

    Raises:
        DataError: There is no such column; suggests the nearest one.
    """
    for ours, theirs in names.items():
        if theirs not in table.column_names:
            close = difflib.get_close_matches(theirs, table.column_names, n=1)
            fix = f"try {close[0]!r}." if close else "see the file's header."
            raise DataError(
                f"Expected a column {theirs!r} for `{ours}`, got {some(table.column_names)}; {fix}"
            )
        if ours in table.column_names and ours != theirs:
            table = table.drop_columns([ours])
        table = table.rename_columns([ours if n == theirs else n for n in table.column_names])
    return table


def check_contract_names(names: Mapping[str, str]) -> None:
    """Refuse new names of columns that the contract does not have.

    Raises:
        DataError: names the first.
    """
    for name in names:
        ends = [end for end in (TRUE, PRED, LOW, HIGH) if name.endswith(end)]
        task = name.removesuffix(ends[0]) if ends else name.partition(P)[0] if P in name else ""
        if name not in TYPES and not name.startswith((GROUP, CONDITION)) and not is_task_name(task):
            raise DataError(
                f"Expected --map to begin with our name of a column, got {name!r}; try "
                + (
                    f"my_{name}, as reports use `{task}` for something else."
                    if task in RESERVED_NAMES
                    else f"one of {some(sorted(TYPES))}, <task>{TRUE}, <task>{PRED} or "
                    f"<task>{P}<label>."
                )
            )


def column_map(pairs: Sequence[str]) -> dict[str, str]:
    """Return `OURS=THEIRS` arguments as column of the contract -> column of the file.

    Raises:
        DataError: One has another form.
    """
    wrong = [p for p in pairs if not all(p.partition("=")[::2])]
    if wrong:
        raise DataError(
            f"Expected --map OURS=THEIRS, got {wrong[0]!r}; try --map emotion_true=label."
        )
    return {ours: theirs for ours, _, theirs in (p.partition("=") for p in pairs)}
