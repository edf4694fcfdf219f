"""The settings of the command line; set once, before the server starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from apps.studio.images import Faces
from evaluation.predictions.importing import ImportOptions

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_FOLDER = ROOT / "assets" / "sample"
SAMPLE_RUNS = SAMPLE_FOLDER / "runs"
"""The shipped histories of training runs."""
SAMPLE_DATASETS = (
    str(SAMPLE_FOLDER / "dataset" / "ferplus_published.parquet"),
    str(ROOT / "assets" / "splits" / "ferplus_four.parquet"),
)
"""Four classes of FER+, as published and divided anew."""
SAMPLE_FINDINGS = SAMPLE_FOLDER / "dataset" / "findings.parquet"
"""What an audit found in the first of them."""
SAMPLE_ROBUSTNESS = SAMPLE_FOLDER / "robustness.parquet"
"""The shipped model's table of `evaluation robustness --out`."""
MAX_UPLOAD_MB = 200
"""The largest table that a visitor can upload."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line sets.

    Attributes:
        tables: predictions tables; empty for the shipped ones, or for none beside `datasets`.
        options: what the columns of `tables` cannot say.
        faces: the folder of the pictures, None where there is none.
        runs: folder of training runs (`train --out`), or None.
        robustness: table of `evaluation robustness --out`, or None.
        audit: findings of `evaluation audit --findings`, or None.
        datasets: versions of a data set in their order, as `composition.opening` takes them.
    """

    tables: tuple[Path, ...] = ()
    options: ImportOptions = field(default_factory=ImportOptions)
    faces: Faces | None = None
    runs: Path | None = None
    robustness: Path | None = None
    audit: Path | None = None
    datasets: tuple[str, ...] = ()

    def with_samples(self) -> Settings:
        """Return the settings with the shipped sample where neither tables nor data are named."""
        if self.tables or self.datasets:
            return self
        robustness, runs = (p if p.exists() else None for p in (SAMPLE_ROBUSTNESS, SAMPLE_RUNS))
        return replace(
            self,
            tables=sample_tables(),
            options=ImportOptions(),
            robustness=self.robustness or robustness,
            runs=self.runs or runs,
            datasets=SAMPLE_DATASETS,
        )


class ProcessSettings:
    """Holds the settings of this process: Streamlit runs the script without arguments."""

    def __init__(self) -> None:
        self.settings = Settings()

    def use(self, settings: Settings) -> None:
        """Set what `current` returns from now on."""
        self.settings = settings

    def current(self) -> Settings:
        """Return the settings, with the shipped sample where no table was named."""
        return self.settings.with_samples()


PROCESS = ProcessSettings()
"""Set by `__main__`, read by `context` once for each run of a page."""


def sample_tables() -> tuple[Path, ...]:
    """Return the shipped tables of the shipped model's predictions on validation data."""
    return tuple(sorted(SAMPLE_FOLDER.glob("*-val.parquet")))
