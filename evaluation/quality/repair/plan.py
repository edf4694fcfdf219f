"""A plan of repair: one row per sample and action, written by the audit, edited by hand or in the
studio, read back strictly.

CSV `sample_id, action, value, reason, split, fingerprint`. action: keep | drop | move | relabel.
value: of a move the split to go to; of a relabel `emotion=LABEL`, `gender=LABEL` or `age=YEARS`.
`split` is where the sample stands now and `fingerprint` the data that the plan was made for; both,
`value` and `reason` may be absent, as in the studio's basket. Semicolons, tabs, a byte order mark
and Windows line ends, as spreadsheets write them, are read too; a row's number is the
spreadsheet's. A cell that a spreadsheet would run as a formula is written with an apostrophe before
it, which reading takes away again.
"""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path

import pyarrow as pa

from core.errors import DataError
from core.labels import AGE_MAX, FERPLUS8, GENDER2
from evaluation.quality.check import ACTIONS
from evaluation.quality.dataset import SPLITS, Context

COLUMNS = ("sample_id", "action", "value", "reason", "split", "fingerprint")
NEEDED = COLUMNS[:2]
MAX_BYTES = 512 * 2**20
SHOWN = 10
"""Errors that are told at once."""
FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")
"""How a cell begins that some spreadsheet would run, or would run without its apostrophes: one more
keeps it harmless and reads back.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a plan. value: canonical. number: the row in the file it was read from, 1 is the
    header; 0 where there is none.
    """

    sample_id: str
    action: str
    value: str = ""
    reason: str = ""
    split: str = ""
    fingerprint: str = ""
    number: int = field(default=0, compare=False)

    @property
    def task(self) -> str:
        """What a relabel changes: emotion, gender or age; else ""."""
        return self.value.partition("=")[0] if self.action == "relabel" else ""


def rows(tables: Mapping[str, pa.Table], fingerprint: str) -> list[Row]:
    """The issues that checks found as rows of a plan, one per sample and thing to do, sorted by
    sample.

    Of what excludes each other the strongest stays (drop, then move, then relabel, then keep), and
    of two values of one task that with the lower score. Reasons of all that agree are joined.
    """
    found: dict[str, list[tuple[int, float, str, Row]]] = {}
    for check, table in tables.items():
        for r in table.to_pylist():
            if r["is_issue"] and r["sample_id"] is not None:
                row = Row(
                    r["sample_id"],
                    r["action"],
                    r["value"],
                    r["reason"] or "",
                    r["split"] or "",
                    fingerprint,
                )
                found.setdefault(row.sample_id, []).append(
                    (ACTIONS.index(row.action), r["score"], check, row)
                )
    made = []
    for sample in sorted(found):
        ranked = [row for *_, row in sorted(found[sample], key=lambda f: (*f[:3], f[3].value))]
        kept: list[Row] = []
        for row in ranked:
            if not any(
                _excludes(other, row) or (other.action == row.action and other.task == row.task)
                for other in kept
            ):
                kept.append(row)
        for row in kept:
            reasons = dict.fromkeys(
                r.reason
                for r in ranked
                if (r.action, r.value) == (row.action, row.value) and r.reason
            )
            made.append(
                Row(sample, row.action, row.value, "; ".join(reasons), row.split, fingerprint)
            )
    return made


def _excludes(one: Row, other: Row) -> bool:
    """Whether two different actions cannot both be done to one sample: only a move and a relabel
    can.
    """
    return one.action != other.action and {one.action, other.action} != {"move", "relabel"}


def write(tables: Mapping[str, pa.Table], path: Path, fingerprint: str) -> int:
    """`rows(tables)` as a CSV file at `path`; returns how many. The file appears whole.

    Raises:
        DataError: it cannot be written.
    """
    made = rows(tables, fingerprint)
    save(made, path)
    return len(made)


def save(made: Sequence[Row], path: Path) -> None:
    """A plan as a CSV file that appears whole.

    Raises:
        DataError: it cannot be written, or a name is no text.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        data = dumps(made).encode()
        part = None
        try:
            with tempfile.NamedTemporaryFile(
                dir=path.parent, prefix=f".{path.name}.", delete=False
            ) as file:
                part = Path(file.name)
                file.write(data)
            part.chmod(0o666 & ~_umask())
            part.replace(path)
        finally:
            if part is not None:
                part.unlink(missing_ok=True)
    except UnicodeEncodeError as error:
        raise DataError(
            f"Expected names of files in UTF-8, got {error.object[:99]!r}; rename the file."
        ) from None
    except OSError as error:
        raise DataError(
            f"Expected to write the plan to {path}, got: {error}; try another place."
        ) from error


def dumps(made: Iterable[Row]) -> str:
    """A plan as the text of a CSV file, no cell of which is a formula to a spreadsheet; the same
    rows give the same text.
    """
    lines = []
    for row in (COLUMNS, *(astuple(row)[: len(COLUMNS)] for row in made)):
        line = io.StringIO(newline="")
        # Both characters, so that the writer puts a cell that holds either in quotes.
        csv.writer(line, lineterminator="\r\n").writerow(
            ["'" + c if FORMULA.match(c) else c for c in row]
        )
        lines.append(line.getvalue()[:-2] + "\n")
    return "".join(lines)


def read(path: Path, context: Context) -> list[Row]:
    """The plan in `path`, checked against the data, sorted by sample and action.

    Raises:
        DataError: not a table, made for other data, or rows that are wrong or contradict each
        other; names up to SHOWN of them.
    """
    return check(_parse(path), context, str(path))


def check(given: Sequence[Row], context: Context, name: str = "the plan") -> list[Row]:
    """The rows with canonical values, sorted; see `read`."""
    other = {r.fingerprint for r in given if r.fingerprint} - {context.fingerprint}
    if other:
        text = f"Expected a plan for this data (fingerprint {context.fingerprint[:12]}...), got {name} for {min(other)[:12]}..."
        raise DataError(f"{text}; it was made for other or since changed data: audit again.")
    where = dict(zip(context.samples.ids, context.split.tolist(), strict=True))
    errors: list[str] = []
    good: list[Row] = []
    for row in given:
        try:
            good.append(_sound(row, where))
        except DataError as error:
            errors.append(f"row {row.number}: {error}")
    seen: dict[str, list[Row]] = {}
    for row in good:
        for before in seen.setdefault(row.sample_id, []):
            if before.action == row.action and before.task == row.task:
                fault = "says the same as" if before.value == row.value else "contradicts"
                errors.append(
                    f"row {row.number}: {fault} row {before.number} about {row.sample_id!r}; delete one of them"
                )
            elif _excludes(before, row):
                errors.append(
                    f"row {row.number}: {row.action} contradicts {before.action} in row {before.number} about {row.sample_id!r}; "
                    "delete one of them"
                )
        seen[row.sample_id].append(row)
    if errors:
        more = f"\n... and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        raise DataError(
            f"Expected a plan without faults, got {len(errors)} in {name}:\n"
            + "\n".join(errors[:SHOWN])
            + more
        )
    return sorted(good, key=lambda r: (r.sample_id, r.action, r.value))


def _sound(row: Row, where: Mapping[str, str]) -> Row:
    """The row with its value in canonical form; raises DataError without the row's number."""
    if row.sample_id not in where:
        raise DataError(f"expected a sample of the data, got {row.sample_id!r}")
    if row.action not in ACTIONS:
        raise DataError(f"expected an action of {', '.join(ACTIONS)}, got {row.action!r}")
    if row.split and row.split != where[row.sample_id]:
        raise DataError(f"expected the sample's split, {where[row.sample_id]}, got {row.split!r}")
    return Row(
        row.sample_id,
        row.action,
        _value(row, where),
        row.reason,
        where[row.sample_id],
        row.fingerprint,
        row.number,
    )


def _value(row: Row, where: Mapping[str, str]) -> str:
    value = row.value
    if row.action == "move":
        if value not in SPLITS:
            raise DataError(f"expected a split of {', '.join(SPLITS)} to move to, got {value!r}")
        if value == where[row.sample_id]:
            raise DataError(f"expected another split to move to, got {value!r}, where it is")
        return value
    if row.action == "relabel":
        return _label(value)
    if value:
        raise DataError(f"expected no value with {row.action}, got {value!r}")
    return value


def _label(value: str) -> str:
    task, sign, label = (part.strip() for part in value.partition("="))
    if not sign or task not in ("emotion", "gender", "age"):
        raise DataError(f"expected emotion=LABEL, gender=LABEL or age=YEARS, got {value!r}")
    if task != "age":
        space = FERPLUS8 if task == "emotion" else GENDER2
        return f"{task}={space.labels[space.index(label)]}"
    try:
        years = float(label.replace(",", "."))
    except ValueError:
        years = -1.0
    if not 0 <= years <= AGE_MAX:
        raise DataError(f"expected 0 to {AGE_MAX} years, got {label!r}")
    return f"age={years:g}"


def _parse(path: Path) -> list[Row]:
    """The rows of a CSV file as they stand there."""
    text = _text(path)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    names: list[str] | None = None
    found: list[Row] = []
    try:
        for number, cells in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1
        ):
            if not any(c.strip() for c in cells):
                continue
            if names is None:
                names = [c.strip().lower() for c in cells]
                if lacking := [c for c in NEEDED if c not in names]:
                    raise DataError(
                        f"Expected columns {', '.join(COLUMNS)} in {path}, got no {' and no '.join(lacking)}; keep the first row."
                    )
                if len(set(names)) < len(names):
                    raise DataError(f"Expected each column once in {path}, got {', '.join(names)}.")
                continue
            if len(cells) > len(names) and any(cells[len(names) :]):
                raise DataError(
                    f"Expected {len(names)} cells in row {number} of {path}, got {len(cells)}; put text with {delimiter!r} in quotes."
                )
            plain = (c[1:] if c[:1] == "'" and FORMULA.match(c) else c for c in cells)
            row = {c: "" for c in COLUMNS} | dict(zip(names, plain, strict=False))
            tidy = {c: row[c].strip() for c in COLUMNS if c not in ("sample_id", "reason")}
            tidy["action"] = tidy["action"].lower()
            found.append(Row(row["sample_id"], reason=row["reason"], **tidy, number=number))
    except csv.Error as error:
        raise DataError(
            f"Expected a CSV table in {path}, got: {error}; save it again as CSV (UTF-8)."
        ) from None
    if names is None:
        raise DataError(
            f"Expected a plan in {path}, got an empty file; make one with `python -m evaluation audit --fix {path}`."
        )
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"Expected a plan of at most {MAX_BYTES >> 20} MiB, got more: {path}.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(
            f"Expected a plan at {path}, got: {error}; make one with `python -m evaluation audit --fix {path}`."
        ) from error
    kind = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(kind)
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected {path} in UTF-8, got byte {error.object[error.start]:#x} at {error.start}; save it as CSV UTF-8."
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
