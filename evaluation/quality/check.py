"""What a check is and what it returns; the registry of checks.

The contract that a check follows is the docstring of the package `evaluation.quality`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import registry
from core.errors import UserError
from evaluation.quality.dataset import CHECKS, AuditDataset, Option

ACTIONS = ("drop", "move", "relabel", "keep")
"""Strongest first: a sample that is dropped need not be relabelled."""
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
DEFAULTS: Mapping[str, object] = {"action": "keep", "value": "", "is_issue": True}
"""Values of columns that a check leaves out; the others are null."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a check found.

    Attributes:
        table: rows of SCHEMA.
        figures: the check's own results by name; JSON-serialisable.
    """

    table: pa.Table
    figures: Mapping[str, object]

    @property
    def issues(self) -> pa.Table:
        """The rows that somebody should look at."""
        return self.table.filter(self.table["is_issue"])


@dataclass(frozen=True, slots=True)
class Check:
    """One file of `evaluation/quality/checks`.

    Attributes:
        name: the file's name.
        title: a short heading.
        run: looks at a data set and returns what it found.
        by_default: whether it runs unless other checks are named.
        options: default value by name.
    """

    name: str
    title: str
    run: Callable[[AuditDataset], Findings]
    by_default: bool
    options: Mapping[str, Option]

    @classmethod
    def of_module(cls, module: ModuleType) -> Check:
        """Return the check that a module of the package `checks` holds."""
        return cls(
            module.NAME,
            module.TITLE,
            module.run,
            getattr(module, "DEFAULT", True),
            getattr(module, "OPTIONS", {}),
        )


def make_findings(
    rows: Mapping[str, Sequence[object] | np.ndarray] | Sequence[Row],
    figures: Mapping[str, object] | None = None,
) -> Findings:
    """Return findings from columns, or from one mapping per row.

    Args:
        rows: columns of SCHEMA by name, or rows. A missing `action` is `keep`, a missing `value`
            is "", a missing `is_issue` is True; a missing `group`, `split` or `sample_id` is null.
        figures: the check's own results.

    Raises:
        ValueError: a mistake in the check: an unknown column or action, or a score outside [0, 1].
    """
    columns = rows if isinstance(rows, Mapping) else _columns(rows)
    if unknown := sorted(set(columns) - set(SCHEMA.names)):
        raise ValueError(f"Expected columns of {SCHEMA.names}, got {unknown}.")
    n_rows = len(next(iter(columns.values()))) if columns else 0
    arrays = []
    for field in SCHEMA:
        default = DEFAULTS.get(field.name)
        array = pa.array(columns.get(field.name, [default] * n_rows), field.type)
        arrays.append(array if default is None else pc.fill_null(array, default))
    table = pa.table(arrays, schema=SCHEMA)
    scores = table["score"].to_numpy()
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("Expected scores in [0, 1].")
    if wrong := set(pc.unique(table["action"]).to_pylist()) - set(ACTIONS):
        raise ValueError(f"Expected actions of {ACTIONS}, got {sorted(wrong)}.")
    return Findings(table, figures or {})


def _columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    """Return the columns of rows; every column that any row has, null where a row lacks it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def load_checks(names: Sequence[str] = ()) -> dict[str, Check]:
    """Return checks by name: the named ones in that order, or those that run by default, sorted.

    Raises:
        UserError: there is no such check; suggests the nearest.
    """
    checks = {name: Check.of_module(registry.load(CHECKS, name)) for name in registry.names(CHECKS)}
    for name in names:
        if name not in checks:
            near = difflib.get_close_matches(name, checks, n=1)
            raise UserError(
                f"Expected checks of {', '.join(checks)}, got {name!r}"
                + (f"; did you mean {near[0]!r}?" if near else ".")
            )
    if names:
        return {name: checks[name] for name in names}
    return {name: check for name, check in checks.items() if check.by_default}


def run_check(check: Check | ModuleType, dataset: AuditDataset) -> Findings:
    """Run one check and return its findings, issues first and the worst of them first.

    Raises:
        ValueError: a mistake in the check: it returns other columns than those of SCHEMA.
    """
    findings = (Check.of_module(check) if isinstance(check, ModuleType) else check).run(dataset)
    if findings.table.schema.names != SCHEMA.names:
        raise ValueError(
            f"Expected the columns of SCHEMA from a check, got {findings.table.schema.names}."
        )
    order = pc.sort_indices(
        findings.table,
        [
            ("is_issue", "descending"),
            ("score", "ascending"),
            ("group", "ascending"),
            ("sample_id", "ascending"),
        ],
    )
    return Findings(findings.table.take(order), findings.figures)
