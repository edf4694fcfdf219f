"""Open a data set as a listing: a manifest, any table of labels, or an adapter of `core.data`.

The pictures are not read, so a manifest can be looked at where its pictures are not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core import registry
from core.data import Samples, manifest
from core.data.manifest import GROUP
from core.errors import DataError, UserError
from evaluation.composition.listing import (
    ClassColumn,
    Listing,
    coded,
    coded_splits,
    label_order,
)
from evaluation.predictions.importing.formats import read_raw
from evaluation.predictions.importing.recognition import recognise
from evaluation.predictions.schema import CONDITION
from evaluation.predictions.tasks import UNITS
from evaluation.quality.dataset import join_splits, load_splits
from evaluation.quality.label_columns import MAX_LABEL_VALUES, label_codes

ADAPTERS = "core.data"


def open_listing(text: str) -> Listing:
    """Open what `--dataset` names.

    Args:
        text: a manifest or the folder that holds it; a table of labels of any format that
            `evaluation.predictions.importing` reads; or NAME or NAME=DIR, an adapter of
            `core.data` and the folder of its data.

    Raises:
        UserError: there is no such file or adapter.
        DataError: the data cannot be read, or hold no sample; says why.
    """
    name, _, folder = text.partition("=")
    if Path(text).is_file():
        return _of_file(Path(text))
    if (Path(text) / manifest.FILE).is_file():
        return _of_manifest(Path(text) / manifest.FILE)
    if is_adapter(text):
        is_drawn = getattr(registry.load(ADAPTERS, name), "GENERATED", False)
        if not folder and not is_drawn:
            raise UserError(f"Expected the folder of {name}, got none; try --dataset {name}=DIR.")
        samples, split, _ = join_splits(load_splits(name, Path(folder or "."))[0])
        return of_samples(samples, split)
    raise UserError(
        f"Expected a data set at {text!r}, got no such file; try a manifest, a table of labels, or "
        f"NAME=DIR with a NAME of {', '.join(registry.names(ADAPTERS))}."
    )


def is_adapter(text: str) -> bool:
    """Return whether `--dataset` names an adapter of `core.data`, not a file or a manifest."""
    is_file = Path(text).is_file() or (Path(text) / manifest.FILE).is_file()
    return not is_file and text.partition("=")[0] in registry.names(ADAPTERS)


def of_samples(samples: Samples, split: np.ndarray) -> Listing:
    """Return the listing of loaded samples.

    Args:
        samples: N of any splits.
        split: (N,), the split of each.
    """
    classes = {
        task: coded(np.array([*labels, ""])[codes].tolist(), labels)
        for task, (codes, labels) in label_codes(samples).items()
        if task != "age"
    }
    groups = {GROUP + name: values.astype(str).tolist() for name, values in samples.groups.items()}
    classes |= _classes(groups)
    has_age = bool(np.isfinite(samples.age).any())
    return Listing(
        samples.name,
        coded_splits(split.tolist()),
        classes,
        {"age": samples.age.astype(np.float64)} if has_age else {},
        np.array(samples.ids, dtype=object),
        np.array([os.path.relpath(path, samples.root) for path in samples.paths], dtype=object),
        (samples.root,),
    )


def _of_file(file: Path) -> Listing:
    table = read_raw(file).table
    if manifest.KEY in (table.schema.metadata or {}):
        return _of_manifest(file)
    return of_table(table, file.stem)


def _of_manifest(file: Path) -> Listing:
    table, about = manifest.read(file)
    texts = {name: table[name].to_pylist() for name in ("emotion", "gender")}
    texts |= {n: table[n].to_pylist() for n in table.column_names if n.startswith(GROUP)}
    ages = _numbers(table["age"])
    folders = dict.fromkeys(
        Path(os.path.normpath(file.parent.absolute() / place)) for place in about.roots.values()
    )
    return Listing(
        file.absolute().parent.name if file.name == manifest.FILE else file.stem,
        coded_splits(table["split"].to_pylist()),
        _classes(texts),
        {"age": ages} if np.isfinite(ages).any() else {},
        _texts(table["id"]),
        _texts(table["path"]),
        tuple(folders),
        about.made_by,
    )


def of_table(table: pa.Table, name: str) -> Listing:
    """Return the listing of any table with a row for each sample, by its columns' usual names.

    A column of a task's truth, a group and any other column of few values holds classes; other
    numbers are numbers; other texts are names and left out, and so are predictions. Of rows with
    one id the first counts.

    Raises:
        DataError: no column holds classes or numbers.
    """
    if not len(table):
        raise DataError(f"Expected samples in {name}, got none.")
    columns = recognise(table)
    id_column = columns.fixed.get("sample_id")
    if id_column is not None:
        ids = _texts(table[id_column])
        _, first = np.unique(ids.astype(str), return_index=True)
        table = table.take(np.sort(first))
        ids = ids[np.sort(first)]
    else:
        ids = np.arange(1, len(table) + 1).astype(str).astype(object)
    labels = {task: c.true for task, c in columns.tasks.items() if c.true}
    labels |= {n: n for n in table.column_names if n.startswith((GROUP, CONDITION))}
    labels |= {n: n for n in columns.unused if n not in labels}
    classes: dict[str, list[str | None]] = {}
    numbers: dict[str, np.ndarray] = {}
    for key, column in labels.items():
        values = table[column]
        if pa.types.is_nested(values.type):
            continue
        of_numbers = _from_texts(values)
        if is_number(of_numbers, key):
            numbers[key] = _numbers(of_numbers)
        else:
            classes[key] = pc.cast(values, pa.string()).to_pylist()
    few = _classes(classes)
    if not few and not numbers:
        names = ", ".join(table.column_names)
        raise DataError(
            f"Expected a column of classes or numbers in {name}, got {names:.200}; try a column "
            f"such as `emotion`, with at most {MAX_LABEL_VALUES} different texts."
        )
    split = columns.fixed.get("split")
    path = columns.fixed.get("path", id_column)
    return Listing(
        name,
        coded_splits(_texts(table[split]).tolist() if split else [""] * len(table)),
        few,
        numbers,
        ids,
        _texts(table[path]) if path else np.full(len(table), "", dtype=object),
    )


def _from_texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts that are all numbers as numbers, as CSV files have them; others as they are."""
    if not pa.types.is_string(values.type):
        return values
    try:
        return pc.cast(pc.if_else(pc.equal(values, ""), None, values), pa.float64())
    except pa.ArrowInvalid:
        return values


def is_number(values: pa.ChunkedArray, key: str) -> bool:
    """Return whether a column holds numbers, not codes of classes: ages, fractions, many values."""
    kind = values.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return False
    if key in UNITS:
        return True
    different = pc.unique(values.drop_null())
    if pa.types.is_floating(kind):
        finite = different.filter(pc.is_finite(different))
        if not pc.all(pc.equal(finite, pc.floor(finite)), min_count=0).as_py():
            return True
    return len(different) > MAX_LABEL_VALUES


def _classes(columns: Mapping[str, list[str | None]]) -> dict[str, ClassColumn]:
    """Return the columns that hold any class, and not so many that they are names."""
    result = {name: coded(values, label_order(name)) for name, values in columns.items()}
    return {
        name: column
        for name, column in result.items()
        if column.labels
        and (len(column.labels) <= MAX_LABEL_VALUES or not name.startswith(GROUP))
        and len(column.labels) < max(len(column.codes), 2)
    }


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    return np.array(texts.to_pylist(), dtype=object)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    numbers = pc.fill_null(pc.cast(column, pa.float64(), safe=False), float("nan"))
    return np.asarray(
        numbers.to_numpy(zero_copy_only=False)
        if isinstance(numbers, pa.Array)
        else numbers.to_numpy()
    )
