"""A run folder of `python -m train`: its file names and the checked readers of its tables.

Nothing here needs torch, and nothing in a folder is believed before it was checked. Checkpoints
(`last.pt`, `best.pt`) are named here and read by `train.runs.checkpoint`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.data.base.table_header import parquet_schema
from core.errors import DataError
from core.schema import parse_json

MAX_FILE_BYTES = 64_000_000
MAX_EPOCHS = 1_000_000
MAX_COLUMNS = 1000
PANDAS_INDEX = "__index_level_"
"""Prefix of a column that pandas adds; it is left out."""
MAX_VALUES = 5_000_000
"""Epochs times columns of a history: 40 MB."""
MAX_SEARCH_DEPTH = 6
"""Folder levels below the one that is searched for runs."""

HISTORY = "history.parquet"
RECIPE = "recipe.json"
SUMMARY = "summary.json"
CURVES = "curves.html"
PICTURE = "training_history.png"
EVENTS = "events.out.tfevents.mien"
LAST_CHECKPOINT = "last.pt"
BEST_CHECKPOINT = "best.pt"
BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one training run.

    The properties are paths, whether or not the file is there; the methods read and check.
    """

    path: Path

    @property
    def name(self) -> str:
        """The name of the run: that of its folder."""
        return self.path.resolve().name

    @property
    def history_file(self) -> Path:
        """Parquet, one row an epoch."""
        return self.path / HISTORY

    @property
    def recipe_file(self) -> Path:
        """The recipe as JSON."""
        return self.path / RECIPE

    @property
    def summary_file(self) -> Path:
        """State, best epoch, machine and versions as JSON; older runs have none."""
        return self.path / SUMMARY

    @property
    def curves_file(self) -> Path:
        """The page with the curves of the run."""
        return self.path / CURVES

    @property
    def picture_file(self) -> Path:
        """The curves as a picture."""
        return self.path / PICTURE

    @property
    def events_file(self) -> Path:
        """The scalars for TensorBoard."""
        return self.path / EVENTS

    @property
    def last_checkpoint(self) -> Path:
        """The state after the last epoch, from which a run is resumed."""
        return self.path / LAST_CHECKPOINT

    @property
    def best_checkpoint(self) -> Path:
        """The weights of the best epoch."""
        return self.path / BEST_CHECKPOINT

    @property
    def bundle(self) -> Path:
        """The folder of the exported model."""
        return self.path / BUNDLE

    def history(self) -> dict[str, NDArray[np.float64]]:
        """Read the history: column -> (epochs,), NaN where an epoch has no value.

        `epoch` is always there, finite and rising.

        Raises:
            DataError: No run there, or the file is no history; names the file and what is wrong.
        """
        path = self.history_file
        if not path.is_file():
            raise DataError(
                f"Expected a training run in {self.path}, got no {HISTORY} there; "
                "try `python -m evaluation runs runs`."
            )
        columns = _float_columns(_read_table(path))
        epoch = columns.get("epoch")
        if (
            epoch is None
            or not np.isfinite(epoch).all()
            or (np.diff(epoch) <= 0).any()
            or epoch[0] < 0
        ):
            raise DataError(
                f"Expected a column `epoch` of rising numbers in {path}, "
                f"got {'none' if epoch is None else epoch[:5].tolist()}."
            )
        return columns

    def history_rows(self) -> list[dict[str, float]]:
        """Read the history as one dictionary an epoch, missing values left out.

        Raises:
            DataError: As `history`.
        """
        columns = self.history()
        return [
            {name: float(v[i]) for name, v in columns.items() if not np.isnan(v[i])}
            for i in range(len(columns["epoch"]))
        ]

    def recipe(self) -> dict[str, Any]:
        """Read the recipe; empty where the folder has none.

        Raises:
            DataError: The file is no JSON object.
        """
        return _read_object(self.recipe_file) if self.recipe_file.is_file() else {}

    def summary(self) -> dict[str, Any] | None:
        """Read the summary; None where the folder has none.

        Raises:
            DataError: The file is no JSON object.
        """
        return _read_object(self.summary_file) if self.summary_file.is_file() else None


def find(root: str | Path) -> Iterator[RunFolder]:
    """Yield the run folders in and below `root`, in order of their paths; links are not followed.

    Raises:
        DataError: `root` is no folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(
            f"Expected a folder with training runs, got {root}; "
            "try `python -m evaluation runs runs`."
        )
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if len(Path(folder).relative_to(root).parts) >= MAX_SEARCH_DEPTH:
            subfolders.clear()
        if HISTORY in files:
            yield RunFolder(Path(folder))


def _check_size(path: Path) -> Path:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataError(
            f"Expected {path} to have at most {MAX_FILE_BYTES} bytes, got {size}; "
            "it is no file of a training run."
        )
    return path


def _read_table(path: Path) -> pa.Table:
    """Return a Parquet table of numbers, checked before it is read."""
    try:
        parquet_schema(_check_size(path))
        file = pq.ParquetFile(path)
        shape = (file.metadata.num_rows, file.metadata.num_columns)
        if not 0 < shape[0] <= MAX_EPOCHS or shape[1] > MAX_COLUMNS:
            raise DataError(
                f"Expected 1 to {MAX_EPOCHS} epochs and at most {MAX_COLUMNS} columns in {path}, "
                f"got {shape}."
            )
        fields = [f for f in file.schema_arrow if not f.name.startswith(PANDAS_INDEX)]
        for field in fields:
            _check_numbers(field.name, field.type, path)
        if shape[0] * shape[1] > MAX_VALUES:
            raise DataError(
                f"Expected at most {MAX_VALUES:,} values in {path}, got {shape[0] * shape[1]:,}; "
                "it is no history of a run."
            )
        return file.read([field.name for field in fields])
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"Expected a Parquet table in {path}, got: {str(error)[:200]}") from None


def _check_numbers(name: str, kind: pa.DataType, path: Path) -> None:
    """Refuse a column of anything else before it is read: a small file holds gigabytes of text."""
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise DataError(
            f"Expected numbers in column {name[:60]!r} of {path}, got {kind}; "
            "it is no history of a run."
        )


def _float_columns(table: pa.Table) -> dict[str, NDArray[np.float64]]:
    columns: dict[str, NDArray[np.float64]] = {}
    for name in table.column_names:
        columns[name] = table[name].cast(pa.float64()).to_numpy().astype(np.float64)
    return columns


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = parse_json(_check_size(path).read_text(encoding="utf-8"))
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"Expected JSON in {path}, got: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise DataError(f"Expected a JSON object in {path}, got a {type(value).__name__}.")
    return value
