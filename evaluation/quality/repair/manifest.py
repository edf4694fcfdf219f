"""From a data set, as it is or repaired, to a manifest: the table of `core.data.manifest`, and the
folder that holds it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.data import Samples, manifest
from core.data.manifest import COLUMNS, FILE, GROUP, KEY, About
from core.errors import DataError
from core.labels import FERPLUS8, GENDER2
from evaluation.quality.dataset import Context

SOURCE = "source"
"""The root of pictures that stay where they are."""
HERE = "here"
"""The root of pictures that lie beside the manifest, in FILES."""
FILES = "files"


def table_of(
    samples: Samples,
    split: np.ndarray,
    provenance: Mapping[str, str] | None = None,
    changed: Mapping[str, str] | None = None,
) -> pa.Table:
    """The rows of `samples`, whose splits are `split` (N,), in their order, all below the root
    SOURCE.

    provenance, changed: by sample id; provenance defaults to `DATASET/SPLIT/ID`.

    Raises:
        DataError: a name is not UTF-8, or a picture lies outside the data set's folder.
    """
    try:
        paths = [p.relative_to(samples.root).as_posix() for p in samples.paths]
        for name in (*samples.ids, *paths):
            name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"Expected names of pictures in UTF-8, got {error.object!r}; rename the file."
        ) from None
    except ValueError as error:
        raise DataError(f"Expected all pictures below {samples.root}, got: {error}.") from None
    known = samples.emotion >= 0
    voted = known & ~np.isnan(samples.emotion_votes).any(axis=1)
    whence = provenance or {}
    columns: dict[str, Any] = {
        "id": list(samples.ids),
        "root": [SOURCE] * len(samples),
        "path": paths,
        "split": [str(s) for s in split],
        "emotion": [FERPLUS8.labels[e] if e >= 0 else None for e in samples.emotion],
        "votes": [
            v.tolist() if there else None
            for v, there in zip(samples.emotion_votes, voted, strict=True)
        ],
        "gender": [GENDER2.labels[g] if g >= 0 else None for g in samples.gender],
        "age": [None if np.isnan(a) else float(a) for a in samples.age],
        "provenance": [
            whence.get(i, f"{samples.name}/{s}/{i}")
            for i, s in zip(samples.ids, split, strict=True)
        ],
        "changed": [(changed or {}).get(i) or None for i in samples.ids],
    }
    arrays = {name: pa.array(values, COLUMNS[name]) for name, values in columns.items()}
    groups = {
        GROUP + name: pa.array([str(v) or None for v in samples.groups[name]], pa.string())
        for name in sorted(samples.groups)
    }
    return pa.table(
        {
            **{n: a for n, a in arrays.items() if n not in ("provenance", "changed")},
            **groups,
            "provenance": arrays["provenance"],
            "changed": arrays["changed"],
        }
    )


def about(
    context: Context, made: Mapping[str, Any], *, files: bool = False, here: bool = False
) -> About:
    """What the manifest of `context`'s data says of itself. files: its pictures lie in FILES beside
    it; here: others lie there as well.
    """
    samples = context.samples
    roots = {SOURCE: FILES if files else os.path.normpath(samples.root.absolute())} | (
        {HERE: FILES} if here else {}
    )
    try:
        roots[SOURCE].encode()
    except UnicodeEncodeError:
        raise DataError(
            f"Expected the data folder's name in UTF-8, got {roots[SOURCE]!r}; rename it, or use --files copy."
        ) from None
    return About(samples.name, context.fingerprint, roots, samples.tight, dict(made))


def provenance_of(context: Context, data: Path) -> tuple[dict[str, str], dict[str, str]]:
    """(provenance, changed) by sample id, carried on where the data set is itself a manifest; empty
    elsewhere.
    """
    if context.samples.name != "manifest":
        return {}, {}
    table, _ = manifest.read(manifest.find(data))
    ids = table["id"].to_pylist()
    return tuple(
        {i: v for i, v in zip(ids, table[name].to_pylist(), strict=True) if v}
        for name in ("provenance", "changed")
    )  # type: ignore[return-value]


def write(table: pa.Table, what: About, folder: Path) -> None:
    """FILE in `folder`; the same rows give the same bytes."""
    schema = table.schema.with_metadata({KEY: what.to_json()})
    data = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(schema.metadata), data, compression="zstd", store_schema=True
    )
    (folder / FILE).write_bytes(data.getvalue())
