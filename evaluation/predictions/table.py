"""The predictions table on disk: one row per sample and model, as Parquet or CSV.

`sample_id, dataset?, split?, model, path?, emotion_true?, emotion_votes?, emotion_pred?,
emotion_p_<label>?..., gender_true?, gender_pred?, gender_p_female?, age_true?, age_pred?, age_low?,
age_high?, group_<name>?..., condition_<name>?..., face_found?, embedding?`; other columns are kept
untouched. `condition_<name>` is a measure of how the face was captured and `group_<name>` its bin
(see `conditions`). Labels are canonical names, ages years, probabilities in [0, 1] that sum to 1
over `emotion_p_*`; votes are shares in the order of FERPLUS8. A missing value is null. Parquet also
carries `Meta`; CSV writes lists as JSON and has no metadata.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.data.base.table_header import csv_header, read_parquet
from core.errors import DataError
from core.files import FORMULA, atomic_file, csv_cell
from evaluation.predictions.schema import TASKS, conform, some, tasks

METADATA_KEY = b"mien.table"
NULL_TEXTS = ["", "nan", "NaN", "NA", "null", "None"]


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a table comes from.

    card_sha256: of the model's card. fingerprint: of the data. left_out: files that could not be
    read. thresholds: of the model's card, see `core.artifacts.card.Card`; whoever reads them checks
    them.
    """

    model: str = ""
    card_sha256: str = ""
    dataset: str = ""
    split: str = ""
    fingerprint: str = ""
    detector: str = ""
    left_out: int = 0
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table) -> Meta:
        """Read the metadata of a table; fields that it lacks are empty.

        Raises:
            DataError: Its metadata is no JSON object.
        """
        try:
            raw = json.loads((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
            return cls(**{f.name: raw[f.name] for f in fields(cls) if f.name in raw})
        except (ValueError, TypeError) as error:
            raise DataError(
                f"Expected JSON in the table's metadata {METADATA_KEY.decode()!r}, got: {error}; "
                "write the table again."
            ) from error

    def to_json(self) -> bytes:
        """Return the value of the schema metadata."""
        return json.dumps(asdict(self), sort_keys=True).encode()


def read(path: str | Path, *, names: Mapping[str, str] | None = None) -> pa.Table:
    """Read a conforming table that has a truth and a prediction of at least one task.

    Args:
        path: CSV (`*.csv`) or Parquet (any other suffix).
        names: Column of the contract -> column of the file, e.g. {"emotion_true": "label"}.

    Raises:
        DataError: No such file, not a table, nothing to compare, or anything that `conform`
            refuses.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"Expected a predictions table at {path}, got no file; "
            f"try `python -m evaluation predict --out {path}`."
        )
    try:
        table = _read_csv(path) if path.suffix.lower() == ".csv" else read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a Parquet (or *.csv) table, got {path}: {str(error)[:200]}"
        ) from None
    table = conform(rename(table, names or {}), model=path.stem)
    if not tasks(table):
        needed = "; or ".join(
            f"`{true}` and one of {some(preds)}" for true, preds in TASKS.values()
        )
        raise DataError(
            f"Expected columns {needed}; got {some(sorted(table.column_names))}; "
            "try --map emotion_true=COLUMN."
        )
    return table


def rename(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return `table` with the columns `names.values()` renamed to `names.keys()`.

    A column that already has such a name is replaced.

    Raises:
        DataError: There is no such column; suggests the nearest one.
    """
    for ours, theirs in names.items():
        if theirs not in table.column_names:
            close = difflib.get_close_matches(theirs, table.column_names, n=1)
            fix = f"try {close[0]!r}." if close else "see the file's header."
            raise DataError(
                f"Expected a column {theirs!r} for `{ours}`, got {some(table.column_names)}; {fix}"
            )
        if ours in table.column_names and ours != theirs:
            table = table.drop_columns([ours])
        table = table.rename_columns([ours if n == theirs else n for n in table.column_names])
    return table


def column_map(pairs: Sequence[str]) -> dict[str, str]:
    """Return `OURS=THEIRS` arguments as column of the contract -> column of the file.

    Raises:
        DataError: One has another form.
    """
    wrong = [p for p in pairs if not all(p.partition("=")[::2])]
    if wrong:
        raise DataError(
            f"Expected --map OURS=THEIRS, got {wrong[0]!r}; try --map emotion_true=label."
        )
    return {ours: theirs for ours, _, theirs in (p.partition("=") for p in pairs)}


def _read_csv(path: Path) -> pa.Table:
    # Everything is read as text first: inference would turn the sample "0001" into the number 1.
    options = pcsv.ConvertOptions(
        column_types={n: pa.string() for n in csv_header(path)},
        strings_can_be_null=True,
        null_values=NULL_TEXTS,
    )
    return unescape(pcsv.read_csv(path, convert_options=options))


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

    def write(self, part: pa.Table) -> None:
        """Append rows.

        Raises:
            DataError: They do not conform.
        """
        part = conform(part)
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

    def close(self) -> None:
        """End the file; a second call does nothing."""
        if self._sink is not None:
            if not self._csv:
                self._sink.add_key_value_metadata({METADATA_KEY: self.meta.to_json()})
            self._sink.close()
            self._sink = None


def unescape(table: pa.Table) -> pa.Table:
    """Return a table that was read from CSV with its texts as they were before `csv_cell`."""
    return _replace(table, f"^'({FORMULA})", r"\1")


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


def write(table: pa.Table, path: str | Path, meta: Meta | None = None) -> None:
    """Write a table to Parquet, or CSV by the suffix; see `writer`.

    Args:
        table: With the columns of the contract; others are kept.
        path: File to write.
        meta: Where the table comes from; by default the table's own.

    Raises:
        DataError: The table does not conform, or `path` is a folder.
    """
    with writer(path, meta or Meta.of(table)) as out:
        out.write(table)
