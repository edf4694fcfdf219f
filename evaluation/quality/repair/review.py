"""Findings as a file that people review, and a repair plan from what they accept.

`audit --findings F.parquet` writes the file, the studio's page Data quality shows it. It holds
every issue and, of clusters, the members that stay, worst first within each check. `decisions`
keeps what the reviewers decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from core.data.base.table_size import read_parquet
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.quality.audit import AuditReport
from evaluation.quality.check import SCHEMA
from evaluation.quality.dataset import AuditDataset
from evaluation.quality.repair.decisions import ACCEPTED, DROPPED
from evaluation.quality.repair.destination import result_file
from evaluation.quality.repair.plan import PlanRow, rows_from_findings

KEY = b"mien.audit"
COLUMNS = pa.schema(
    [
        ("check", pa.string()),
        *SCHEMA,
        ("path", pa.string()),
        ("label", pa.string()),
        ("known", pa.bool_()),
    ]
)
"""path: of the image, as `evaluation predict` writes it. label: what the data say of it, in words.
known: whether a plan can name the sample.
"""
IDENTITY = ("check", "sample_id", "split", "group", "action", "value")
"""The columns that tell one finding from another, in this audit and the next."""


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """One check in a file of findings: its title, and how many issues and samples it found."""

    title: str
    issues: int
    samples: int


@dataclass(frozen=True, slots=True)
class FindingsHeader:
    """What a file of findings says of itself.

    Attributes:
        dataset: name of the data set.
        data: the folder that `--data` named.
        root: the data set's own folder.
        fingerprint: of the data.
        samples: number of samples.
        splits: number of samples by split.
        checks: by name, in the order in which they were run.
    """

    dataset: str
    data: str
    root: str
    fingerprint: str
    samples: int
    splits: dict[str, int]
    checks: dict[str, CheckSummary]


def write_findings(path: Path, report: AuditReport, dataset: AuditDataset, data: Path) -> int:
    """Write the findings of an audit as a file that appears whole.

    Args:
        path: of the file.
        report: what the checks found.
        dataset: in which they found it.
        data: the folder that `--data` named.

    Returns:
        The number of issues in the file.

    Raises:
        DataError: it cannot be written.
    """
    parts = [
        _rows_to_review(check.name, check.findings.table, dataset, data) for check in report.checks
    ]
    table = pa.concat_tables(parts) if parts else COLUMNS.empty_table()
    header = {
        "dataset": report.dataset,
        "root": str(report.root),
        "fingerprint": report.fingerprint,
        "samples": report.sample_count,
        "splits": report.split_sizes,
        "data": str(data),
        "checks": {
            check.name: {
                "title": check.title,
                "issues": check.issue_count,
                "samples": check.sample_count,
                "figures": dict(check.findings.figures),
            }
            for check in report.checks
        },
    }
    table = table.replace_schema_metadata({KEY: json.dumps(header, allow_nan=False)})
    with result_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return int(pc.sum(table["is_issue"]).as_py() or 0)


def _rows_to_review(check: str, findings: pa.Table, dataset: AuditDataset, data: Path) -> pa.Table:
    """Return rows of COLUMNS: the issues, and all members of the clusters that hold one."""
    samples = dataset.samples
    position = {name: i for i, name in enumerate(samples.ids)}
    is_issue = findings["is_issue"]
    groups = pc.unique(findings.filter(is_issue)["group"]).drop_null()
    in_group = pc.fill_null(pc.is_in(findings["group"], groups), False)
    rows = findings.filter(pc.or_(is_issue, in_group))
    at = [position.get(s) for s in rows["sample_id"].to_pylist()]
    bases = (data, samples.root)
    columns = {
        "check": [check] * len(rows),
        **{c: rows[c] for c in SCHEMA.names},
        "path": ["" if i is None else _relative(samples.paths[i], bases) for i in at],
        "label": ["" if i is None else _label(dataset, i) for i in at],
        "known": [i is not None for i in at],
    }
    return pa.table(columns, schema=COLUMNS)


def _relative(path: Path, bases: Sequence[Path]) -> str:
    """Return `path` below the first of `bases` that holds it, "" where none does."""
    return next((path.relative_to(b).as_posix() for b in bases if path.is_relative_to(b)), "")


def _label(dataset: AuditDataset, i: int) -> str:
    """Return the labels of one sample in words."""
    samples = dataset.samples
    parts = []
    if samples.emotion[i] >= 0:
        parts.append(FERPLUS8.labels[samples.emotion[i]])
    if samples.gender[i] >= 0:
        parts.append(f"perceived gender {GENDER2.labels[samples.gender[i]]}")
    if not np.isnan(samples.age[i]):
        parts.append(f"{samples.age[i]:g} years")
    return ", ".join(parts)


@dataclass(frozen=True, eq=False)
class FindingsFile:
    """What `write_findings` wrote: rows of COLUMNS, and the header."""

    rows: pa.Table
    header: FindingsHeader

    @cached_property
    def issues(self) -> dict[str, pa.Table]:
        """Check -> its issues, worst first, with a column `key` that names each one."""
        tables = {}
        for check in self.header.checks:
            is_issue_of_check = pc.and_(pc.equal(self.rows["check"], check), self.rows["is_issue"])
            table = self.rows.filter(is_issue_of_check)
            keys = [finding_key(row) for row in table.select(IDENTITY).to_pylist()]
            tables[check] = table.append_column("key", pa.array(keys, pa.string()))
        return tables

    def members(self, check: str, group: str) -> list[dict[str, object]]:
        """Return the rows of one cluster, those that stay first."""
        in_group = pc.fill_null(pc.equal(self.rows["group"], group), False)
        rows = self.rows.filter(pc.and_(pc.equal(self.rows["check"], check), in_group))
        return sorted(rows.to_pylist(), key=lambda row: bool(row["is_issue"]))

    def plan(self, decisions: Mapping[str, str]) -> list[PlanRow]:
        """Return the accepted findings of samples as rows of a plan.

        Args:
            decisions: key of a finding -> accepted, dropped or rejected.
        """
        accepted = [k for k, decision in decisions.items() if decision in (ACCEPTED, DROPPED)]
        tables = {}
        for check, issues in self.issues.items():
            is_accepted = pc.is_in(issues["key"], pa.array(accepted, pa.string()))
            rows = issues.filter(pc.and_(issues["known"], is_accepted)).to_pylist()
            for row in rows:
                if decisions[row["key"]] == DROPPED:
                    row.update(action="drop", value="")
            tables[check] = pa.Table.from_pylist(rows, SCHEMA)
        return rows_from_findings(tables, self.header.fingerprint)


def finding_key(row: Mapping[str, object]) -> str:
    """Return what makes a finding itself, in this audit and the next one of the same data."""
    values = [row[name] or "" for name in IDENTITY]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def read_findings(path: Path) -> FindingsFile:
    """Read a file of `audit --findings`.

    Raises:
        DataError: no such file, or another one.
    """
    expected = f"Expected a file of `evaluation audit --findings`, got {path}"
    try:
        table = read_parquet(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{expected}: {str(error)[:200]}.") from None
    metadata = table.schema.metadata or {}
    if KEY not in metadata:
        raise DataError(f"{expected}: no findings in it.")
    if missing := [name for name in COLUMNS.names if name not in table.column_names]:
        raise DataError(f"{expected} without {missing[0]!r}; write it again.")
    try:
        header = TypeAdapter(FindingsHeader).validate_json(metadata[KEY])
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "its header"
        raise DataError(f"{expected}, got {where}: {fault['msg']}; write it again.") from None
    return FindingsFile(table.select(COLUMNS.names), header)
