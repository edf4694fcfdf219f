"""A study's result on disk: Markdown to read, JSON and CSV, its section of docs/training.md."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from core import files, vocabulary
from core.errors import UserError
from core.vocabulary import count_of, task_metric
from evaluation.report.markdown import table
from train.study.differences import BaselineDifference
from train.study.result import StudyResult, hardware
from train.study.table import StudyRow, format_difference, format_figure

COLUMNS_OF_TEXT = 100
"""Longest line of prose, as in all documents of the project."""


def write(result: StudyResult) -> Path:
    """Write OUT/STUDY.md, .json and .csv, each complete or not at all; return the first.

    Raises:
        UserError: the disk is full or not writable.
    """
    plan = result.plan
    content = json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n"
    for suffix, text in (("md", markdown(result)), ("json", content), ("csv", _csv(result.rows))):
        _write(plan.out / f"{plan.name}.{suffix}", text)
    return plan.out / f"{plan.name}.md"


def _csv(rows: Sequence[StudyRow]) -> str:
    flat: list[dict[str, object]] = [asdict(row) for row in rows]
    for row in flat:
        row["on"] = json.dumps(row["on"]) if row["on"] is not None else None
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(
        {n: files.csv_cell(v) if isinstance(v, str) else v for n, v in row.items()} for row in flat
    )
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, text)
    except OSError as error:
        raise UserError(f"Expected to write {path}, got: {error}.") from error


def markdown(result: StudyResult) -> str:
    """Return a study's section: header, table, verdict, what the source's figures stand for."""
    plan, rows = result.plan, result.rows
    several_figures = len({row.figure for row in rows}) > 1
    columns = {
        title: cell
        for title, cell in COLUMNS.items()
        if any(map(cell, rows)) and (several_figures or title != "figure")
    }
    lines = [
        f"## `{plan.name}`: {plan.study.title}",
        "",
        _wrapped(f"Source: {plan.study.source}. {_description(result)}"),
        "",
        "```",
        result.command,
        "```",
        "",
    ]
    member_before, table_rows = None, []
    for row in rows:
        cells = [
            cell(row) if title not in COST_COLUMNS or row.member != member_before else ""
            for title, cell in columns.items()
        ]
        table_rows.append(cells)
        member_before = row.member
    lines += [table(list(columns), table_rows), "", *_differences(result)]
    lines += ["*Verdict*, from these figures:", "", *map(_item, result.verdict), ""]
    lines += _remarks(rows)
    return "\n".join(lines)


def _differences(result: StudyResult) -> list[str]:
    """Return a table of the differences from the baseline, empty without one."""
    if not result.differences:
        return []
    study = result.plan.study
    units = {f: "points" if task_metric(f)[1].is_share else "" for f in study.figures}
    titles = [", ".join(filter(None, (vocabulary.column_axis(f), units[f]))) for f in study.figures]
    cells: dict[str, dict[str, str]] = {}
    for difference in result.differences:
        cells.setdefault(difference.member, {})[difference.figure] = _difference(difference)
    rows = [[f"`{name}`", *(by.get(f, "") for f in study.figures)] for name, by in cells.items()]
    text = (
        f"Less `{study.baseline}`, on the same pictures, with 95 % intervals over the choice of "
        "pictures; bold where that excludes zero. After a semicolon: the same with other seeds."
    )
    return [_wrapped(text), "", table(["member", *titles], rows), ""]


def _difference(difference: BaselineDifference) -> str:
    """Return a difference with its interval, and those of further seeds, as text."""
    value, low, high, *more = (
        format_difference(difference.figure, v)
        for v in (difference.value, difference.low, difference.high, *difference.more_seeds)
    )
    if difference.low > 0 or difference.high < 0:
        value = f"**{value}**"
    return f"{value} ({low} to {high})" + (f"; {', '.join(more)}" if more else "")


def _wrapped(text: str, indent: str = "") -> str:
    """Return a paragraph in lines of at most `COLUMNS_OF_TEXT`, all but the first indented."""
    return textwrap.fill(
        text,
        COLUMNS_OF_TEXT,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _item(text: str) -> str:
    """Return an item of a list."""
    return _wrapped(f"- {text}", "  ")


def _remarks(rows: Sequence[StudyRow]) -> list[str]:
    """Return what the source's figures were measured on; without a source, what members are."""
    members_of: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.source_measured_on:
            members_of.setdefault(row.source_measured_on, {})[row.member] = None
    if not members_of:
        return []
    title = "The members:"
    if any(row.source is not None for row in rows):
        title = "What the source's figures were measured on, which are other pictures than ours:"
    return [
        title,
        "",
        *(_item(f"{', '.join(members)}: {text}") for text, members in members_of.items()),
        "",
    ]


def _description(result: StudyResult) -> str:
    """Return date, budget, data, classes and machine, in sentences."""
    plan, machine = result.plan, result.machine
    budget = [
        f"{count_of(plan.epochs, 'epoch')} each" if plan.epochs else "each recipe's own epochs"
    ]
    if plan.budget_s:
        budget.append(f"{plan.budget_s / 60:.0f} min of training for all together")
    if plan.limit:
        budget.append(f"at most {plan.limit:,} samples of each data set, spread over it")
    data = "; ".join(f"{u.name} {u.split} {u.n:,} (`{u.fingerprint[:12]}`)" for u in result.data)
    labels = "".join(
        f"{vocabulary.TASKS[task].title} in {count_of(len(names), 'class')}: {', '.join(names)}. "
        for task, names in result.labels
    )
    sets = f" With {', '.join(f'`{s}`' for s in plan.sets)}." if plan.sets else ""
    others = (
        f" Trained on other machines too: {'; '.join(result.other_machines)}."
        if result.other_machines
        else ""
    )
    return (
        f"Table of {result.date}. Budget: {', '.join(budget)}.{sets} Data: {data or 'none yet'}. "
        f"{labels}Machine: {hardware(machine)}; Python {machine['python']}, "
        f"torch {machine['torch']}.{others}"
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"


def _interval(row: StudyRow) -> str:
    if row.low is None:
        return ""
    return f"{format_figure(row.figure, row.low)} to {format_figure(row.figure, row.high)}"


def _ours(row: StudyRow) -> str:
    return row.state if row.ours is None else f"**{format_figure(row.figure, row.ours)}**"


def _source_side(row: StudyRow) -> str:
    sides = {"inside": "inside", "above": "above ours", "below": "below ours"}
    return sides.get(row.source_is or "", "")


COLUMNS: dict[str, Callable[[StudyRow], str]] = {
    "recipe": lambda r: f"`{r.member}`",
    "figure": lambda r: vocabulary.column_axis(r.figure) if r.figure else "",
    "source": lambda r: format_figure(r.figure, r.source),
    "ours": _ours,
    "95 % interval": _interval,
    "n": lambda r: _count(r.n),
    "ours - source": lambda r: format_difference(r.figure, r.ours_minus_source),
    "source lies": _source_side,
    "train": lambda r: format_figure(r.figure, r.train),
    "train - val": lambda r: format_difference(r.figure, r.train_minus_val),
    "source's train - val": lambda r: format_difference(r.figure, r.source_train_minus_val),
    "parameters": lambda r: _count(r.parameters),
    "epochs (best)": lambda r: f"{r.epochs} ({r.best_epoch})" if r.epochs else "",
    "images seen": lambda r: _count(r.images_seen),
    "time": lambda r: _duration(r.seconds),
    "processor time": lambda r: _duration(r.cpu_seconds),
    "images/s": lambda r: _count(r.images_per_s),
    "peak MB": lambda r: _count(r.memory_mb),
}
"""Title -> cell of a row."""
COST_COLUMNS = (
    "parameters",
    "epochs (best)",
    "images seen",
    "time",
    "processor time",
    "images/s",
    "peak MB",
)
"""Shown once for each member."""


def replace_section(path: Path, result: StudyResult) -> None:
    """Put a study's section between its markers in a file, in place of the one there.

    Without markers it is appended; all else stays.

    Raises:
        UserError: one of the two markers is missing, or stands twice; or nothing can be written.
    """
    replace_between_markers(path, result.plan.name, markdown(result))


def replace_between_markers(path: Path, name: str, section: str) -> None:
    """Put `section` between the markers of study `name`; see `replace_section`."""
    first, last = f"<!-- study {name} -->", f"<!-- end of study {name} -->"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    block = f"{first}\n{section.strip()}\n{last}"
    counts = (text.count(first), text.count(last))
    if counts == (0, 0):
        _write(path, f"{text.rstrip()}\n\n{block}\n".lstrip())
        return
    start, stop = text.find(first), text.find(last)
    if counts != (1, 1) or stop < start:
        raise UserError(
            f"Expected one {first} before one {last} in {path}, got others; correct or remove them."
        )
    _write(path, text[:start] + block + text[stop + len(last) :])
