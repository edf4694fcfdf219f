"""`ensemble.json`: which models answer together, and how much each counts. An untrusted file, as
models are: every field is checked, and members lie in the file's own folder or below it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from core import age_intervals
from core.artifacts import bundle, metric_rows
from core.artifacts.bundle import TASKS
from core.errors import ModelError
from core.labels import SPACES

FILE = "ensemble.json"
MAX_JSON = 1 << 20
"""Bytes of the file."""
MAX_MEMBERS = 16
MAX_TEXT = 200
"""Characters of a name or path."""
MAX_WEIGHT = 1e6


@dataclass(frozen=True, slots=True)
class Member:
    """model: a bundle, its folder or file, from the folder of `ensemble.json`. weight: its share in
    every task; weights: in single tasks instead. 0 keeps it out; only ratios count. sha256: of its
    model file, checked where given. flip: it also looks at the mirrored crop and gives the mean of
    both answers.
    """

    model: str
    weight: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""
    flip: bool = False

    def share(self, task: str) -> float:
        """Its weight in a task."""
        return self.weights.get(task, self.weight)


@dataclass(frozen=True, slots=True)
class EnsembleFile:
    """labels: emotion -> a space of `core.labels` that all members are mapped to (default: the
    smallest of theirs). calibration, thresholds, metrics: of the ensemble's own answers, as in a
    model's card; `core.ensemble` says how they are used.
    """

    name: str
    members: tuple[Member, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    calibration: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[Mapping[str, Any], ...] = ()
    created: str = ""

    def to_json(self) -> str:
        """The file's text; members' fields that say nothing are left out."""
        raw = asdict(self) | {
            "members": [
                {k: v for k, v in asdict(m).items() if v or k == "weight"} for m in self.members
            ]
        }
        return (
            json.dumps(
                {k: v for k, v in raw.items() if v not in ("", {}, ())}, indent=1, allow_nan=False
            )
            + "\n"
        )

    @classmethod
    def from_json(cls, text: str) -> EnsembleFile:
        """
        Raises:
            ModelError: a field is missing, unknown or malformed.
        """
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"Expected {FILE} to be JSON, got: {str(error)[:200]}") from error
        raw = _fields(raw, cls, ("name", "members"), FILE)
        members = raw["members"]
        if not isinstance(members, list) or not 1 <= len(members) <= MAX_MEMBERS:
            got = len(members) if isinstance(members, list) else repr(members)[:80]
            raise ModelError(
                f'Expected `members` to be a list of 1 to {MAX_MEMBERS}, got {got}; try [{{"model": "FOLDER"}}, ...].'
            )
        labels = _mapping(raw.get("labels", {}), "labels", ("emotion",))
        for name in labels.values():
            if not isinstance(name, str) or name not in SPACES:
                raise ModelError(
                    f"Expected `labels.emotion` to be one of {', '.join(SPACES)}, got {name!r:.80}."
                )
        return cls(
            _text(raw["name"], "name"),
            tuple(_member(m, f"members[{i}]") for i, m in enumerate(members)),
            labels,
            _calibration(raw.get("calibration", {})),
            _numbers(raw.get("thresholds", {}), "thresholds", 0, age_intervals.OLDEST),
            metric_rows.checked(raw.get("metrics", ())),
            _text(raw["created"], "created") if "created" in raw else "",
        )


def read(path: Path) -> EnsembleFile:
    """The file at `path`.

    Raises:
        ModelError: none there, too large, not text, or malformed.
    """
    if not path.is_file():
        raise ModelError(
            f"Expected an ensemble's file at {path}, got nothing; try `python -m train ensemble A B --data DIR --out DIR`."
        )
    with path.open("rb") as file:
        data = file.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        raise ModelError(f"Expected at most {MAX_JSON} bytes in {path}, got more.")
    try:
        return EnsembleFile.from_json(data.decode("utf-8"))
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path}: {error}"
            if isinstance(error, ModelError)
            else f"Expected text in {path}, got other bytes."
        ) from error


def member_path(folder: Path, model: str) -> Path:
    """The model file of a member, inside `folder`.

    Raises:
        ModelError: it leads out of `folder`, or there is no such file.
    """
    there = PurePosixPath(model)
    outwards = (
        there.is_absolute()
        or ".." in there.parts
        or bool(PureWindowsPath(model).anchor)
        or "\\" in model
    )
    try:
        file = folder / there / bundle.MODEL_FILE if (folder / there).is_dir() else folder / there
        if outwards or not file.resolve().is_relative_to(folder.resolve()):
            raise ModelError(
                f"Expected `model` to lie in the folder of {FILE}, got {model!r}; try to copy the bundle there."
            )
        return bundle.model_path(file)
    except (OSError, RuntimeError) as error:  # a name too long for the disk, a link to itself
        raise ModelError(f"Expected a model at {model!r}, got: {error}") from error


def _member(raw: object, where: str) -> Member:
    found = _fields(raw, Member, ("model",), where)
    flip, sha256 = found.get("flip", False), found.get("sha256", "")
    if not isinstance(flip, bool):
        raise ModelError(f"Expected `{where}.flip` to be true or false, got {flip!r:.80}.")
    if not isinstance(sha256, str) or (
        sha256 and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef"))
    ):
        raise ModelError(
            f"Expected `{where}.sha256` to be 64 hexadecimal digits, got {sha256!r:.80}."
        )
    weight = _number(found.get("weight", 1.0), f"{where}.weight", 0, MAX_WEIGHT)
    weights = _numbers(found.get("weights", {}), f"{where}.weights", 0, MAX_WEIGHT)
    return Member(_text(found["model"], f"{where}.model"), weight, weights, sha256, flip)


def _fields(raw: object, of: type, needed: tuple[str, ...], where: str) -> dict[str, Any]:
    known = [f.name for f in fields(of)]
    if not isinstance(raw, dict):
        raise ModelError(
            f"Expected `{where}` to be an object with {', '.join(needed)}, got {raw!r:.80}."
        )
    for name in needed:
        if name not in raw:
            raise ModelError(
                f"Expected `{name}` in `{where}`, got only {', '.join(map(repr, list(raw)[:10])) or 'nothing'}."
            )
    for name in raw:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise ModelError(
                f"Expected fields {', '.join(known)} in `{where}`, got {name!r:.80}{f'; try {near[0]!r}' if near else ''}."
            )
    return raw


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or not value.isprintable():
        raise ModelError(
            f"Expected `{where}` to be a text of 1 to {MAX_TEXT} printable characters, got {value!r:.80}."
        )
    return value


def _number(value: object, where: str, low: float, high: float) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not low <= value <= high
        or not isfinite(value)
    ):
        raise ModelError(
            f"Expected `{where}` to be a number from {low:g} to {high:g}, got {value!r:.80}."
        )
    return float(value)


def _mapping(raw: object, where: str, known: tuple[str, ...] = TASKS) -> dict[str, Any]:
    if not isinstance(raw, dict) or set(raw) - set(known):
        raise ModelError(
            f"Expected `{where}` to be an object of {', '.join(known)}, got {raw!r:.80}."
        )
    return raw


def _numbers(raw: object, where: str, low: float, high: float) -> dict[str, float]:
    return {
        task: _number(value, f"{where}.{task}", low, high)
        for task, value in _mapping(raw, where).items()
    }


def _calibration(raw: object) -> dict[str, float]:
    known = (
        (*TASKS, *(k for k in raw if isinstance(k, str) and k.startswith(age_intervals.PREFIX)))
        if isinstance(raw, dict)
        else TASKS
    )
    found = {
        name: _number(value, f"calibration.{name}", 0.01, 100)
        for name, value in _mapping(raw, "calibration", known).items()
    }
    try:
        age_intervals.factors(found)
    except ValueError as error:
        raise ModelError(
            f"Expected ages in the names of `calibration`, got {str(error)[:200]}."
        ) from error
    return found
