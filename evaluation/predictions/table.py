"""The predictions table on disk: one row per sample and model, as Parquet or CSV.

`sample_id, dataset?, split?, model, path?, emotion_true?, emotion_votes?, emotion_pred?,
emotion_p_<label>?..., gender_true?, gender_pred?, gender_p_female?, age_true?, age_pred?, age_low?,
age_high?, group_<name>?..., condition_<name>?..., face_found?, embedding?`; other columns are kept
untouched. `condition_<name>` is a measure of how the face was captured and `group_<name>` its bin
(see `conditions`). `gender_abstained` marks faces that look too young for perceived gender to be
given; their probabilities stay. Labels are canonical names, ages years, probabilities in [0, 1]
that sum to 1 over `emotion_p_*`; votes are shares in the order of FERPLUS8. A missing value is
null. Parquet also carries `Meta`; CSV writes lists as JSON and has no metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.errors import DataError
from core.files import FORMULA, atomic_file, csv_cell
from evaluation.predictions.importing import ImportOptions
from evaluation.predictions.importing.opening import open_table
from evaluation.predictions.mapping import column_map as column_map
from evaluation.predictions.mapping import rename as rename
from evaluation.predictions.meta import METADATA_KEY, Meta
from evaluation.predictions.schema import to_schema
from evaluation.predictions.tasks import SPACES, TRUE, label_space, task_names


def read(
    path: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    options: ImportOptions | None = None,
) -> pa.Table:
    """Read a conforming table that has a truth and a prediction of at least one task.

    Args:
        path: Parquet, Arrow, CSV and its kin, JSON, Excel, or gzip or zip of one of these.
        names: Column of the contract -> column of the file, e.g. {"emotion_true": "label"}.
        options: What else the columns cannot say; with its own `names`.

    Raises:
        DataError: No such file, not a table, nothing to compare, or anything that `to_schema`
            refuses.
    """
    return open_table(path, options or ImportOptions(names or {})).table


def check_target(path: str | Path) -> Path:
    """Return `path`, where a table is to be written.

    Raises:
        DataError: It is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(
            f"Expected a file to write, got the folder {path}; try {path / 'predictions.parquet'}."
        )
    return path


@contextmanager
def writer(path: str | Path, meta: Meta | None = None) -> Iterator[Writer]:
    """Write a table part by part; the file appears only when it is complete.

    An interruption leaves the old file, or none. `meta` of the writer may change until the end.

    Raises:
        DataError: `path` is a folder.
    """
    path = check_target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        out = Writer(temporary, path.suffix.lower() == ".csv", meta)
        try:
            yield out
        finally:
            out.close()


class Writer:
    """See `writer`. The first part fixes the columns; `meta` may change until the end."""

    def __init__(self, path: Path, as_csv: bool, meta: Meta | None) -> None:
        self._path, self._csv, self.meta = path, as_csv, meta or Meta()
        self._sink: Any = None  # pcsv.CSVWriter or pq.ParquetWriter
        self._labels: dict[str, tuple[str, ...]] = {}

    def write(self, part: pa.Table) -> None:
        """Append rows.

        Raises:
            DataError: They do not conform.
        """
        part = to_schema(part)
        self._collect_labels(part)
        part = _as_text(part) if self._csv else part.replace_schema_metadata(None)
        if self._sink is None:
            if self._csv:
                self._sink = pcsv.CSVWriter(self._path, part.schema)
            else:
                # With Arrow's own copy of the schema in the file, metadata that is added at the end
                # would not be read back.
                self._sink = pq.ParquetWriter(
                    self._path, part.schema, compression="zstd", store_schema=False
                )
        self._sink.write_table(part)

    def _collect_labels(self, part: pa.Table) -> None:
        """Remember the labels of tasks whose label space nobody else knows."""
        for task in task_names(part.column_names):
            is_class = pa.types.is_string(part.schema.field(task + TRUE).type)
            if is_class and task not in SPACES:
                declared = self.meta.labels.get(task, ()) or Meta.of(part).labels.get(task, ())
                labels = self._labels.get(task, ()) or declared
                self._labels[task] = label_space(part, task, labels)

    def close(self) -> None:
        """End the file; a second call does nothing."""
        if self._sink is not None:
            if not self._csv:
                meta = replace(self.meta, labels={**self.meta.labels, **self._labels})
                self._sink.add_key_value_metadata({METADATA_KEY: meta.to_json()})
            self._sink.close()
            self._sink = None


def _replace(table: pa.Table, pattern: str, replacement: str) -> pa.Table:
    """Change all texts of a table."""
    columns = [
        pc.replace_substring_regex(column, pattern, replacement)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _as_text(table: pa.Table) -> pa.Table:
    """Write lists as JSON, and put an apostrophe before texts that a spreadsheet would run."""
    for i, column in enumerate(table.schema):
        if pa.types.is_list(column.type):
            texts = [
                None if v is None else json.dumps([round(x, 6) for x in v])
                for v in table[i].to_pylist()
            ]
            table = table.set_column(i, column.name, pa.array(texts, pa.string()))
    table = table.rename_columns([csv_cell(name) for name in table.column_names])
    return _replace(table, f"^({FORMULA})", r"'\1")


def write(
    table: pa.Table | Mapping[str, Sequence[object]], path: str | Path, meta: Meta | None = None
) -> None:
    """Write a table to Parquet, or CSV by the suffix; see `writer`.

    Args:
        table: With the columns of the contract; others are kept. Or a dictionary of columns.
        path: File to write.
        meta: Where the table comes from; by default the table's own.

    Raises:
        DataError: The table does not conform, or `path` is a folder.
    """
    if not isinstance(table, pa.Table):
        table = pa.table(dict(table))
    with writer(path, meta or Meta.of(table)) as out:
        out.write(table)
