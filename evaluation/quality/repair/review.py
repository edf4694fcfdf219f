"""Findings as a file that people review, and their decisions: `audit --findings F.parquet`, the
studio's page Data quality, a plan again.

The file holds every issue and, for clusters, the members that stay, worst first within each check.
Decisions are lines of JSON in a file beside it, one for each decision, only ever added to: nothing
is lost by a crash, a reload or a second reviewer, and the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.quality.check import SCHEMA
from evaluation.quality.dataset import Context
from evaluation.quality.repair import plan

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
"""path: of the picture, as `evaluation predict` writes it; label: what the data say of it; known:
whether a plan can name the sample.
"""
ABOUT = ("dataset", "data", "root", "fingerprint", "samples", "splits", "checks")
IDENTITY = ("check", "sample_id", "split", "group", "action", "value")
ACCEPTED, DROPPED, REJECTED = "accepted", "dropped", "rejected"
STATES = (ACCEPTED, DROPPED, REJECTED, "")
"""Do what is suggested; drop the sample whatever is suggested; do nothing; the last takes a
decision back.
"""


def write(
    path: Path,
    tables: Mapping[str, pa.Table],
    context: Context,
    found: Mapping[str, Any],
    data: Path,
) -> int:
    """Writes the findings of checks (name -> table of SCHEMA) and returns how many are issues.
    found: `audit.summary`.

    The file appears whole.

    Raises:
        DataError: it cannot be written.
    """
    samples = context.samples
    place = {name: i for i, name in enumerate(samples.ids)}
    parts = []
    for name, table in tables.items():
        issues = table["is_issue"]
        groups = pc.unique(table.filter(issues)["group"]).drop_null()
        shown = table.filter(pc.or_(issues, pc.fill_null(pc.is_in(table["group"], groups), False)))
        at = [place.get(s) for s in shown["sample_id"].to_pylist()]
        more = {
            "path": [
                "" if i is None else _relative(samples.paths[i], (data, samples.root)) for i in at
            ],
            "label": ["" if i is None else _label(context, i) for i in at],
            "known": [i is not None for i in at],
        }
        columns = {"check": [name] * len(shown), **{c: shown[c] for c in SCHEMA.names}, **more}
        parts.append(pa.table(columns, schema=COLUMNS))
    about = {
        **{k: found[k] for k in ("dataset", "root", "fingerprint", "samples", "splits")},
        "data": str(data),
        "checks": {
            name: {k: c[k] for k in ("title", "issues", "samples", "figures")}
            for name, c in found["checks"].items()
        },
    }
    whole = pa.concat_tables(parts) if parts else COLUMNS.empty_table()
    new = path.with_name(f".{path.name}.new")
    try:
        pq.write_table(
            whole.replace_schema_metadata({KEY: json.dumps(about, allow_nan=False)}),
            new,
            compression="zstd",
        )
        new.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        raise DataError(
            f"Expected to write the findings to {path}, got: {error}; try another place."
        ) from error
    finally:
        new.unlink(missing_ok=True)
    return int(pc.sum(whole["is_issue"]).as_py() or 0)


def _relative(path: Path, bases: Sequence[Path]) -> str:
    """`path` below the first of `bases` that holds it, "" where none does."""
    return next(
        (path.relative_to(base).as_posix() for base in bases if path.is_relative_to(base)), ""
    )


def _label(context: Context, i: int) -> str:
    s = context.samples
    emotion = [FERPLUS8.labels[s.emotion[i]]] if s.emotion[i] >= 0 else []
    gender = [f"perceived gender {GENDER2.labels[s.gender[i]]}"] if s.gender[i] >= 0 else []
    return ", ".join([*emotion, *gender, *([] if np.isnan(s.age[i]) else [f"{s.age[i]:g} years"])])


@dataclass(frozen=True, eq=False)
class Findings:
    """What `write` wrote. rows: of COLUMNS. about: dataset, data, root, fingerprint, samples,
    splits, checks {name: title, issues, ...}.
    """

    rows: pa.Table
    about: dict[str, Any]

    @cached_property
    def issues(self) -> dict[str, pa.Table]:
        """Check -> its issues, worst first, with a column `key` that names each one."""
        made = {}
        for name in self.about["checks"]:
            mine = self.rows.filter(
                pc.and_(pc.equal(self.rows["check"], name), self.rows["is_issue"])
            )
            made[name] = mine.append_column(
                "key",
                pa.array([key(row) for row in mine.select(IDENTITY).to_pylist()], pa.string()),
            )
        return made

    def members(self, check: str, group: str) -> list[dict[str, Any]]:
        """The rows of one cluster: those that stay first."""
        mine = pc.and_(
            pc.equal(self.rows["check"], check),
            pc.fill_null(pc.equal(self.rows["group"], group), False),
        )
        return sorted(self.rows.filter(mine).to_pylist(), key=lambda r: r["is_issue"])

    def plan(self, decided: Mapping[str, str]) -> list[plan.Row]:
        """The accepted findings of samples as rows of a plan, see `plan.rows`."""
        tables = {}
        chosen = pa.array(
            [k for k, how in decided.items() if how in (ACCEPTED, DROPPED)], pa.string()
        )
        for name, table in self.issues.items():
            mine = table.filter(pc.and_(table["known"], pc.is_in(table["key"], chosen))).to_pylist()
            rows = [
                row | {"action": "drop", "value": ""} if decided[row["key"]] == DROPPED else row
                for row in mine
            ]
            tables[name] = pa.Table.from_pylist(rows, SCHEMA)
        return plan.rows(tables, self.about["fingerprint"])


def key(row: Mapping[str, Any]) -> str:
    """What makes a finding itself, in this audit and the next one of the same data."""
    return json.dumps(
        [row[name] or "" for name in IDENTITY], ensure_ascii=False, separators=(",", ":")
    )


def read(path: Path) -> Findings:
    """A file of `audit --findings`.

    Raises:
        DataError: no such file, or another one.
    """
    try:
        found = pq.read_table(path)
        about = json.loads((found.schema.metadata or {})[KEY])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        why = "no findings in it" if isinstance(error, KeyError) else str(error)[:200]
        raise DataError(
            f"Expected a file of `evaluation audit --findings`, got {path}: {why}."
        ) from None
    missing = [n for n in COLUMNS.names if n not in found.column_names] + [
        n for n in ABOUT if n not in about
    ]
    if missing:
        raise DataError(
            f"Expected a file of `evaluation audit --findings`, got {path} without {missing[0]!r}; write it again."
        )
    return Findings(found.select(COLUMNS.names), about)


@dataclass(eq=False)
class Decisions:
    """The decisions beside a file of findings; key of a finding -> accepted, dropped or rejected.

    Where the place cannot be written they are kept in memory only, and `unsaved` says why.
    """

    path: Path
    unsaved: str = ""
    _read: dict[str, str] = field(default_factory=dict)
    _stamp: tuple[int, int] = (0, 0)

    @classmethod
    def beside(cls, findings: Path) -> Decisions:
        """Of the file `findings`: F.decisions.jsonl."""
        return cls(findings.with_name(findings.stem + ".decisions.jsonl"))

    def now(self) -> dict[str, str]:
        """All decisions that stand, other reviewers' too."""
        try:
            state = self.path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self._stamp and not self.unsaved:
                self._read, self._stamp = (
                    _replay(self.path.read_text(encoding="utf-8", errors="replace").splitlines()),
                    stamp,
                )
        except FileNotFoundError:
            if not self.unsaved:
                self._read, self._stamp = {}, (0, 0)
        except OSError as error:
            self.unsaved = str(error)
        return dict(self._read)

    def put(self, keys: Sequence[str], state: str) -> None:
        """Decides; `state` is one of STATES."""
        if state not in STATES:
            raise ValueError(f"Expected `state` to be one of {STATES}, got {state!r}.")
        self.now()
        lines = [
            json.dumps({"finding": json.loads(k), "decision": state}, ensure_ascii=False)
            for k in keys
        ]
        try:
            with self.path.open("ab+") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - 1, 0))
                cut = file.read(1) not in (b"", b"\n")  # the last line was cut short
                file.write(
                    ("\n" * cut + "".join(line + "\n" for line in lines)).encode(
                        "utf-8", "backslashreplace"
                    )
                )
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.unsaved = str(error)
        self._read.update(_replay(lines))
        for k in keys:
            if not state:
                self._read.pop(k, None)


def _replay(lines: Iterable[str]) -> dict[str, str]:
    """The last decision of each finding; a line that was cut short says nothing."""
    made: dict[str, str] = {}
    for line in lines:
        try:
            said = json.loads(line)
            name, state = (
                json.dumps(said["finding"], ensure_ascii=False, separators=(",", ":")),
                said["decision"],
            )
        except (ValueError, KeyError, TypeError):
            continue
        made.pop(name, None)
        if state in STATES and state:
            made[name] = state
    return made
