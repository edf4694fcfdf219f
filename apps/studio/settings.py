"""The settings of the command line; set once, before the server starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from apps.studio.serving.images import Faces
from core.system import ROOT
from evaluation.predictions.importing import ImportOptions

SAMPLE_FOLDER = ROOT / "assets" / "sample"
SAMPLE_DATASETS = (
    str(SAMPLE_FOLDER / "dataset" / "ferplus_published.parquet"),
    str(ROOT / "assets" / "splits" / "ferplus_four.parquet"),
)
"""Four classes of FER+, as published and divided anew."""
SAMPLE_FINDINGS = SAMPLE_FOLDER / "dataset" / "findings.parquet"
"""What an audit found in the first of them."""
SAMPLE_PRODUCTION = SAMPLE_FOLDER / "generated-counts.jsonl"
"""Counts that no demo made; see `scripts/generated_counts.py`."""
MAX_UPLOAD_MB = 200
"""The largest table that a visitor can upload."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is open: what the command line sets, or one of the shipped samples.

    Attributes:
        tables: predictions tables; the command line may name none.
        options: what the columns of `tables` cannot say.
        faces: the folder of the pictures, None where there is none.
        runs: folder of training runs (`train --out`), or None.
        is_trusted: open models of `runs` with operators or sizes that are not allowed, too.
        robustness: table of `evaluation robustness --out`, or None.
        audit: findings of `evaluation audit --findings`, or None.
        datasets: versions of a data set in their order, as `composition.opening` takes them.
        production: counts that the demo wrote (`apps.webcam --monitor`), or None.
    """

    tables: tuple[Path, ...] = ()
    options: ImportOptions = field(default_factory=ImportOptions)
    faces: Faces | None = None
    runs: Path | None = None
    is_trusted: bool = False
    robustness: Path | None = None
    audit: Path | None = None
    datasets: tuple[str, ...] = ()
    production: Path | None = None


class ProcessSettings:
    """Holds the settings of this process: Streamlit runs the script without arguments."""

    def __init__(self) -> None:
        self.settings = Settings()

    def use(self, settings: Settings) -> None:
        """Set what the command line says."""
        self.settings = settings


PROCESS = ProcessSettings()
"""Set by `__main__`, read by `samples` and `frame` once for each run of a page."""
