"""What the command line chose; set once before the server starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from apps.studio.images import Faces

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "assets" / "sample"
RUNS = SAMPLE / "runs"
"""Histories of training runs that ship."""
ROBUSTNESS = SAMPLE / "robustness.parquet"
"""The shipped model's table of `evaluation robustness --out`."""
UPLOAD_MB = 200


@dataclass(frozen=True)
class Settings:
    """tables: predictions tables. names: column of the contract -> column of the tables. faces: the
    pictures' folder, where served.

    runs: folder of training runs (`train --out`), or None. robustness: table of `evaluation
    robustness --out`, or None. audit: findings of `evaluation audit --findings`, or None.
    """

    tables: tuple[Path, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    faces: Faces | None = None
    runs: Path | None = None
    robustness: Path | None = None
    audit: Path | None = None


def sample() -> tuple[Path, ...]:
    """The shipped predictions: `evaluation predict --split val` with the shipped model, labels and
    probabilities only.
    """
    return tuple(sorted(SAMPLE.glob("*-val.parquet")))


_current = Settings()


def use(settings: Settings) -> None:
    """From now on `current()`."""
    global _current
    _current = settings


def current() -> Settings:
    """What was chosen; where no tables were, the shipped ones with what ships beside them."""
    if _current.tables:
        return _current
    robustness, runs = (path if path.exists() else None for path in (ROBUSTNESS, RUNS))
    return replace(
        _current,
        tables=sample(),
        names={},
        robustness=_current.robustness or robustness,
        runs=_current.runs or runs,
    )
