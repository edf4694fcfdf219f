"""Opening of any table: one in the contract's Parquet as it is, any other through the import."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.data.base.table_header import parquet_schema
from core.data.base.table_size import read_parquet
from core.errors import DataError
from evaluation.predictions.importing.importer import import_predictions
from evaluation.predictions.importing.options import Imported, ImportOptions
from evaluation.predictions.importing.probabilities import order_warning, scale_of
from evaluation.predictions.mapping import check_contract_names, rename
from evaluation.predictions.meta import METADATA_KEY, Meta
from evaluation.predictions.schema import to_schema
from evaluation.predictions.tasks import KNOWN_TASKS, PRED, SPACES, TRUE, P, task_names, tasks_of

SAMPLE_ROWS = 10_000
"""Rows by which the scale of probabilities is judged before a large table is read."""


def open_table(path: str | Path, options: ImportOptions | None = None) -> Imported:
    """Return the conforming table of any file of predictions.

    Raises:
        DataError: names the column, the row and the fix.
    """
    path, options = Path(path), options or ImportOptions()
    if not is_own_parquet(path, options):
        return import_predictions(path, options)
    try:
        raw = read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"Expected a Parquet table, got {path}: {str(error)[:200]}") from None
    table = to_schema(rename(raw, options.names), model=path.stem)
    return Imported(table, warnings=tuple(f"{path.name}: {w}" for w in _order_warnings(table)))


def is_own_parquet(path: Path, options: ImportOptions) -> bool:
    """Return whether a file is Parquet whose columns, once renamed, are the contract's.

    Such a table needs no import, so that one of any size can be read part by part.
    """
    check_contract_names(options.names)
    if not options.only_names or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
        parquet_schema(path)
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
            if len(set(schema.names)) < len(schema.names) or not rows:
                return False
            renamed = rename(schema.empty_table(), options.names).schema
            return _has_own_columns(renamed) and _has_probabilities(file, options.names)
    except (pa.ArrowException, OSError):
        return False


def _has_own_columns(schema: pa.Schema) -> bool:
    tasks = task_names(schema.names)
    if "sample_id" not in schema.names or not tasks:
        return False
    labels_of = Meta.of(schema.empty_table()).labels
    for task in (t for t in tasks if t not in KNOWN_TASKS):
        is_number = pa.types.is_floating(schema.field(task + TRUE).type)
        if METADATA_KEY not in (schema.metadata or {}) or not (is_number or task in labels_of):
            return False
    labels = [n for t in tasks if t in SPACES for n in (t + TRUE, t + PRED) if n in schema.names]
    return all(_is_text(schema.field(n).type) for n in labels)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _has_probabilities(file: pq.ParquetFile, names: Mapping[str, str]) -> bool:
    """Return whether the first rows have probabilities, not logits or percent; no labels: None."""
    theirs = {theirs: ours for ours, theirs in names.items()}
    schema = file.schema_arrow
    ours = {name: theirs.get(name, name) for name in schema.names}
    prefixes = tuple(t + P for t in task_names(list(ours.values())))
    columns = [n for n, o in ours.items() if prefixes and o.startswith(prefixes)]
    if not all(pa.types.is_floating(schema.field(n).type) for n in columns):
        return False
    truths = [n for n, o in ours.items() if o.endswith(TRUE)]
    batch = next(file.iter_batches(SAMPLE_ROWS, columns=[*columns, *truths]))
    if (
        all(batch[n].null_count == len(batch) for n in truths)
        and len(batch) == file.metadata.num_rows
    ):
        return False
    for prefix in prefixes:
        own = [n for n in columns if ours[n].startswith(prefix)]
        if len(own) > 1:
            values = [batch[n].to_numpy(zero_copy_only=False).astype(np.float64) for n in own]
            if scale_of(np.stack(values, axis=1)) != "probabilities":
                return False
    return True


def _order_warnings(table: pa.Table) -> list[str]:
    warnings = []
    for name, task in tasks_of(table).items():
        columns = [c for c in table.column_names if c.startswith(name + P)]
        if task.is_regression or len(columns) < 2:
            continue
        p = np.stack([table[c].to_numpy().astype(np.float64) for c in columns], axis=1)
        labels = [c.removeprefix(name + P) for c in columns]
        pred = table[name + PRED] if name + PRED in table.column_names else None
        flat = None if pred is None else pred.combine_chunks()
        true = table[name + TRUE].combine_chunks()
        warnings += [w for w in [order_warning(name, labels, p, true, flat)] if w]
    return warnings
