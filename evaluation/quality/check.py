"""The form of a finding, and the registry of checks."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import registry
from core.errors import UserError

if TYPE_CHECKING:
    from evaluation.quality.dataset import Context

ROOM = "evaluation.quality.checks"
KEY = b"mien.check"
ACTIONS = ("drop", "move", "relabel", "keep")
"""Strongest first: what is dropped need not be relabelled."""
SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("split", pa.string()),
        ("score", pa.float64()),
        ("is_issue", pa.bool_()),
        ("group", pa.string()),
        ("reason", pa.string()),
        ("action", pa.string()),
        ("value", pa.string()),
    ]
)


def findings(
    rows: Mapping[str, Sequence[Any] | np.ndarray] | Sequence[Mapping[str, Any]],
    figures: Mapping[str, Any] | None = None,
) -> pa.Table:
    """A table of SCHEMA from columns, or from one mapping per row. Missing: group null, action
    `keep`, value "", split null.

    Raises:
        ValueError: a column is unknown, a score outside [0, 1], or an action unknown: a mistake in
        the check.
    """
    if not isinstance(rows, Mapping):
        rows = {
            name: [r.get(name) for r in rows]
            for name in (SCHEMA.names if rows else ())
            if any(name in r for r in rows)
        }
    unknown = sorted(set(rows) - set(SCHEMA.names))
    if unknown:
        raise ValueError(f"Expected columns of {SCHEMA.names}, got {unknown}.")
    n = len(next(iter(rows.values()))) if rows else 0
    absent = {"action": "keep", "value": "", "is_issue": True}
    arrays = []
    for field in SCHEMA:
        given = rows.get(field.name)
        values = [absent.get(field.name)] * n if given is None else given
        array = (
            values if isinstance(values, np.ndarray) else [None if v is None else v for v in values]
        )
        column = pa.array(array, field.type)
        arrays.append(
            column if field.name not in absent else pc.fill_null(column, absent[field.name])
        )
    table = pa.table(
        arrays, schema=SCHEMA.with_metadata({KEY: json.dumps(figures or {}, allow_nan=False)})
    )
    scores = table["score"].to_numpy()
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("Expected scores in [0, 1].")
    if wrong := set(pc.unique(table["action"]).to_pylist()) - set(ACTIONS):
        raise ValueError(f"Expected actions of {ACTIONS}, got {sorted(wrong)}.")
    return table


def figures(table: pa.Table) -> dict[str, Any]:
    """A check's own figures."""
    return json.loads((table.schema.metadata or {}).get(KEY, b"{}"))


def load_checks(names: Sequence[str] = ()) -> dict[str, ModuleType]:
    """Name -> module: the named checks in that order, or all that run by default, sorted.

    Raises:
        UserError: there is no such check; suggests the nearest.
    """
    modules = {name: registry.load(ROOM, name) for name in registry.names(ROOM)}
    known = {
        name: m
        for name, m in modules.items()
        if hasattr(m, "NAME") and hasattr(m, "TITLE") and hasattr(m, "run")
    }
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UserError(
                f"Expected checks of {', '.join(known)}, got {name!r}"
                + (f"; did you mean {near[0]!r}?" if near else ".")
            )
    return (
        {name: known[name] for name in names}
        if names
        else {n: m for n, m in known.items() if getattr(m, "DEFAULT", True)}
    )


def run_check(module: ModuleType, context: Context) -> pa.Table:
    """The table of one check, checked against the contract and sorted: issues first, worst first."""
    table = module.run(context)
    if table.schema.names != SCHEMA.names:
        raise ValueError(
            f"Expected the columns of SCHEMA from {module.NAME}, got {table.schema.names}."
        )
    return table.take(
        pc.sort_indices(
            table,
            [
                ("is_issue", "descending"),
                ("score", "ascending"),
                ("group", "ascending"),
                ("sample_id", "ascending"),
            ],
        )
    )
