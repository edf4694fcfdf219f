"""A study's table on disk: Markdown to read, JSON and CSV to compute with, and its section of
train/RESULTS.md.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import UserError
from core.system import processor_name
from train.runs.status import Standing
from train.runs.summary import SUMMARY
from train.study.definition import Plan
from train.study.table import TITLES, Row, shown, signed

Found = dict[str, Any]
CSV_LISTS = ("on",)


def header(plan: Plan, command: str, standings: Mapping[str, Standing]) -> Found:
    """What a reader needs to judge a table: command, machine, budget, data, label spaces, date."""
    data = {
        (d["name"], d["split"], d["n"]): d["fingerprint"]
        for s in standings.values()
        if s.card
        for d in s.card.data
    }
    heads = {
        (h.task, h.labels)
        for s in standings.values()
        if s.card
        for h in s.card.heads
        if h.task != "age"
    }
    here = machine()
    return {
        "study": plan.name,
        "title": plan.study.title,
        "source": plan.study.source,
        "command": command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": here,
        "trained_on_too": elsewhere(plan, here),
        "budget": {"epochs": plan.epochs, "seconds": plan.budget_s, "limit": plan.limit},
        "set": list(plan.sets),
        "data": [
            {"name": name, "split": split, "n": n, "fingerprint": mark}
            for (name, split, n), mark in sorted(data.items())
        ],
        "labels": [{"task": task, "labels": list(labels)} for task, labels in sorted(heads)],
    }


def machine() -> Found:
    """Processor, cores, memory, accelerator and versions here, where the table is written."""
    import psutil
    import torch

    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def elsewhere(plan: Plan, here: Found) -> list[str]:
    """Other machines that members were trained on, as their runs noted; a run of an older version
    noted none.
    """
    found: set[str] = set()
    for m in plan.study.members:
        try:
            noted = json.loads((plan.out / m.folder / SUMMARY).read_text(encoding="utf-8"))[
                "machine"
            ]
            found |= {_hardware(noted)} - {_hardware(here)} if noted else set()
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found)


def _hardware(m: Mapping[str, Any]) -> str:
    return f"{m['processor']}, {m['cores']} cores, {m['memory_gb']:.0f} GiB" + (
        f", {m['accelerator']}" if m["accelerator"] else ""
    )


def write(plan: Plan, found: Found) -> Path:
    """OUT/STUDY.md, .json and .csv, each whole or not at all; returns the first."""
    flat = [
        {k: json.dumps(v) if k in CSV_LISTS and v is not None else v for k, v in row.items()}
        for row in found["rows"]
    ]
    texts = {"md": markdown(found), "json": json.dumps(found, indent=1, allow_nan=False) + "\n"}
    texts["csv"] = pd.DataFrame(flat).to_csv(index=False)
    for suffix, text in texts.items():
        _replace(plan.out / f"{plan.name}.{suffix}", text)
    return plan.out / f"{plan.name}.md"


def _replace(path: Path, text: str) -> None:
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        raise UserError(f"Expected to write {path}, got: {error}.") from error


def markdown(found: Found) -> str:
    """The section of a study: header, table, what the source's figures were measured on, verdict."""
    rows: Sequence[Row] = found["rows"]
    lines = [
        f"## `{found['study']}`: {found['title']}",
        "",
        f"Source: {found['source']}. {_about(found)}",
        "",
    ]
    lines += ["```", found["command"], "```", ""]
    several = len({r["figure"] for r in rows}) > 1
    columns = {title: cell for title, cell in COLUMNS.items() if several or title != "figure"}
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    before = None
    for row in rows:
        cells = [
            cell(row) if title not in COSTS or row["member"] != before else ""
            for title, cell in columns.items()
        ]
        lines.append(
            "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
        )
        before = row["member"]
    lines += [
        "",
        "*Verdict*, from these figures:",
        "",
        *(f"- {text}" for text in found["verdict"]),
        "",
    ]
    remarks: dict[str, list[str]] = {}
    for row in rows:
        members = (
            remarks.setdefault(row["source_measured_on"], []) if row["source_measured_on"] else []
        )
        members += [] if row["member"] in members else [row["member"]]
    if remarks:
        lines += [
            "What the source's figures were measured on, which are other pictures than ours:",
            "",
        ]
        lines += [f"- {', '.join(members)}: {text}" for text, members in remarks.items()] + [""]
    return "\n".join(lines)


def _about(found: Found) -> str:
    m, b = found["machine"], found["budget"]
    budget = [f"{b['epochs']} epochs each" if b["epochs"] else "each recipe's own epochs"]
    budget += [f"{b['seconds'] / 60:.0f} min of training for all together"] if b["seconds"] else []
    budget += (
        [f"at most {b['limit']:,} samples of each data set, spread over it"] if b["limit"] else []
    )
    data = (
        "; ".join(
            f"{d['name']} {d['split']} {d['n']:,} (`{d['fingerprint'][:12]}`)"
            for d in found["data"]
        )
        or "none yet"
    )
    named = {"emotion": "Emotion", "gender": "Perceived gender"}
    labels = "".join(
        f"{named[h['task']]} in {len(h['labels'])} classes: {', '.join(h['labels'])}. "
        for h in found["labels"]
    )
    others = (
        f" Trained on other machines too: {'; '.join(found['trained_on_too'])}."
        if found["trained_on_too"]
        else ""
    )
    sets = f" With {', '.join(f'`{s}`' for s in found['set'])}." if found["set"] else ""
    return (
        f"Table of {found['date']}. Budget: {', '.join(budget)}.{sets} Data: {data}. {labels}"
        f"Machine: {_hardware(m)}; Python {m['python']}, torch {m['torch']}.{others}"
    )


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _time(value: float | None) -> str:
    return "" if value is None else f"{value / 60:.1f} min" if value >= 100 else f"{value:.0f} s"


def _interval(r: Row) -> str:
    return (
        ""
        if r["low"] is None
        else f"{shown(r['figure'], r['low'])} to {shown(r['figure'], r['high'])}"
    )


def _ours(r: Row) -> str:
    return f"**{shown(r['figure'], r['ours'])}**" if r["ours"] is not None else r["state"]


COLUMNS = {
    "recipe": lambda r: f"`{r['member']}`",
    "figure": lambda r: TITLES.get(r["figure"], ""),
    "source": lambda r: shown(r["figure"], r["source"]),
    "ours": _ours,
    "95 % interval": _interval,
    "n": lambda r: _count(r["n"]),
    "ours - source": lambda r: signed(r["figure"], r["ours_minus_source"]),
    "source lies": lambda r: {"inside": "inside", "above": "above ours", "below": "below ours"}.get(
        r["source_is"], ""
    ),
    "train": lambda r: shown(r["figure"], r["train"]),
    "train - val": lambda r: signed(r["figure"], r["train_minus_val"]),
    "source's train - val": lambda r: signed(r["figure"], r["source_train_minus_val"]),
    "parameters": lambda r: _count(r["parameters"]),
    "epochs (best)": lambda r: f"{r['epochs']} ({r['best_epoch']})" if r["epochs"] else "",
    "images seen": lambda r: _count(r["images_seen"]),
    "time": lambda r: _time(r["seconds"]),
    "processor time": lambda r: _time(r["cpu_seconds"]),
    "images/s": lambda r: _count(r["images_per_s"]),
    "peak MB": lambda r: _count(r["memory_mb"]),
}
COSTS = (
    "parameters",
    "epochs (best)",
    "images seen",
    "time",
    "processor time",
    "images/s",
    "peak MB",
)


def into_results(path: Path, name: str, section: str) -> None:
    """Puts a study's section between its markers in the file, in place of the one there, or at the
    end; all else stays.

    Raises:
        UserError: one of the two markers is missing, or stands twice.
    """
    first, last = f"<!-- study {name} -->", f"<!-- end of study {name} -->"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    block = f"{first}\n{section.strip()}\n{last}"
    if (text.count(first), text.count(last)) == (0, 0):
        _replace(path, f"{text.rstrip()}\n\n{block}\n".lstrip())
        return
    start, stop = text.find(first), text.find(last)
    if (text.count(first), text.count(last)) != (1, 1) or stop < start:
        raise UserError(
            f"Expected one {first} before one {last} in {path}, got others; mend or remove them."
        )
    _replace(path, text[:start] + block + text[stop + len(last) :])
