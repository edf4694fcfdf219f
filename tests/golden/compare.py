"""Outputs as plain JSON, and what differs between two of them: values apart from intervals."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from evaluation.statistics.estimate import JSON_KEY

DROPPED = frozenset({"table", "tables", "folder", "root", "created", "versions"})
"""Fields that depend on the machine, the place of a checkout or the time; left out everywhere.

`seconds`, `images_per_s` and `memory_mb` stay: here they are read from shipped files only.
"""
INTERVALS = frozenset({"low", "high", "lower", "upper", "ci95", "method"})
INTERVAL_ENDINGS = ("_low", "_high", "_lower", "_upper", "_ci95")
"""Fields that hold ends of a confidence interval, or say how it was made. Add new names here."""
NO_INTERVALS = frozenset({"age_low", "age_high"})
"""What a model says of one sample: a value like any other."""
TOLERANCE = {"values": (1e-9, 1e-12), "intervals": (1e-5, 1e-5)}
"""Relative and absolute. Resampled sums are float32 products of matrices, whose last digits depend
on the number of threads: ends of intervals move by up to 1.4e-6 years between one and two."""
DIGITS = 12
NAMES = ("name", "label", "value", "group", "decade", "run", "sample_id")
"""Fields by which an entry of a list is known, so that one entry more does not move all others."""
WIDTH, MAX_LISTED = 100, 30

Path = tuple[str, ...]


def comparable(value: Any) -> Any:
    """Any output as JSON values: keys sorted as texts, floats rounded, NaN as None, fields dropped.

    Args:
        value: dictionaries, sequences, arrays, dataclasses and scalars, nested in any way.

    Returns:
        Dictionaries, lists, texts, numbers, booleans and None.
    """
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        value = {f.metadata.get(JSON_KEY, f.name): getattr(value, f.name) for f in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        pairs = sorted((str(k), v) for k, v in value.items())
        return {k: comparable(v) for k, v in pairs if k not in DROPPED}
    if isinstance(value, list | tuple):
        return [comparable(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None
    assert value is None or isinstance(value, str | int), f"no JSON: {type(value)}"
    return value


def text(value: Any, indent: int = 0) -> str:
    """JSON where whatever fits into a line is on one line, and lists of scalars always are."""
    line = json.dumps(value, ensure_ascii=False)
    nested = isinstance(value, dict | list) and value
    scalars = isinstance(value, list) and not any(isinstance(v, dict | list) for v in value)
    if not nested or scalars or indent + len(line) <= WIDTH:
        return line
    pad = " " * (indent + 1)
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(k)}: {text(v, indent + 1)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + text(v, indent + 1) for v in value) + "\n" + " " * indent + "]"


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, scalar) of everything in an output; an empty list or dictionary is a leaf, too."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for key, inner in zip(_keys(value), value, strict=True):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def _keys(entries: list[Any]) -> list[str]:
    """`[name]` of each entry where one of NAMES tells them apart, else `[index]`."""
    if all(isinstance(e, dict) for e in entries):
        for name in NAMES:
            values = [e.get(name) for e in entries]
            if all(isinstance(f, str) for f in values) and len(set(values)) == len(values):
                return [f"[{f}]" for f in values]
    return [f"[{i}]" for i in range(len(entries))]


def kind_of(path: Path) -> str:
    """ "intervals" for ends of intervals and how they were made, else "values"."""
    for key in path:
        if key in INTERVALS or (key.endswith(INTERVAL_ENDINGS) and key not in NO_INTERVALS):
            return "intervals"
    return "values"


def same(a: Any, b: Any, kind: str) -> bool:
    """Whether two scalars are the same: numbers within TOLERANCE, all else exactly."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (a, b))
    if not numbers:
        return type(a) is type(b) and a == b
    relative, absolute = TOLERANCE[kind]
    return math.isclose(a, b, rel_tol=relative, abs_tol=absolute)


def differences(golden: Any, now: Any, kind: str) -> list[str]:
    """What differs, in lines for a reader; empty where nothing does.

    Args:
        golden, now: two outputs of `comparable`.
        kind: "values" or "intervals": which of the leaves are looked at.
    """
    old, new = (
        {path: leaf for path, leaf in leaves(side) if kind_of(path) == kind}
        for side in (golden, now)
    )
    moved = [p for p in old if p in new and not same(old[p], new[p], kind)]
    gone, added = [p for p in old if p not in new], [p for p in new if p not in old]
    if not (moved or gone or added):
        return []
    lines = [
        f"{kind}: {len(old)} in the golden file; {len(moved)} differ, {len(gone)} are gone, "
        f"{len(added)} are new"
    ]
    names = [{key for path in side for key in path if key[0] != "["} for side in (old, new)]
    for what, left in (("gone", names[0] - names[1]), ("new", names[1] - names[0])):
        if left:
            lines.append(f"field names {what}: {', '.join(sorted(left)[:MAX_LISTED])}")
    if (gone or added) and Counter(map(_rough, old.values())) == Counter(map(_rough, new.values())):
        lines.append("the same leaves as before (to 6 digits) under other names or in other places")
    rows = [f"  {_show(p)}: {old[p]!r} -> {new[p]!r}" for p in moved]
    rows += [f"  gone: {_show(p)}: {old[p]!r}" for p in gone]
    rows += [f"  new: {_show(p)}: {new[p]!r}" for p in added]
    more = [f"  ... and {len(rows) - MAX_LISTED} more"] if rows[MAX_LISTED:] else []
    return lines + rows[:MAX_LISTED] + more


def _rough(leaf: Any) -> str:
    return f"{leaf:.6g}" if isinstance(leaf, float | int) else repr(leaf)


def _show(path: Path) -> str:
    return ".".join(path).replace(".[", "[")
