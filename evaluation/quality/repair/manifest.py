"""From a data set, as it is or repaired, to a manifest and the folder that holds it.

A manifest is the table that `core.data.manifest` reads.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.data import Samples, manifest
from core.data.manifest import AGE_RANGE, COLUMNS, GROUP, KEY, About
from core.errors import DataError
from core.files import write_atomic
from core.labels import FERPLUS8, GENDER2
from evaluation.quality.dataset import AuditDataset

SOURCE_ROOT = "source"
"""Name of the root of images that stay where they are."""
HERE_ROOT = "here"
"""Name of the root of images that lie beside the manifest, in IMAGES_FOLDER."""
IMAGES_FOLDER = "files"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where samples come from and what was changed in them, by sample id."""

    source: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)


def manifest_table(
    samples: Samples, split: np.ndarray, provenance: Provenance | None = None
) -> pa.Table:
    """Return the rows of a manifest, in the order of the samples, all below SOURCE_ROOT.

    Args:
        samples: the N samples.
        split: (N,), the split of each.
        provenance: a missing source is `DATASET/SPLIT/ID`.

    Raises:
        DataError: a name is not UTF-8, or an image lies outside the data set's folder.
    """
    paths = _relative_paths(samples)
    provenance = provenance or Provenance()
    votes = _votes(samples)
    columns: dict[str, list[object]] = {
        "id": list(samples.ids),
        "root": [SOURCE_ROOT] * len(samples),
        "path": list(paths),
        "split": [str(s) for s in split],
        "emotion": [FERPLUS8.labels[e] if e >= 0 else None for e in samples.emotion],
        "votes": list(votes),
        "gender": [GENDER2.labels[g] if g >= 0 else None for g in samples.gender],
        "age": [None if np.isnan(a) else float(a) for a in samples.age],
    }
    sources: list[object] = [
        provenance.source.get(i, f"{samples.name}/{s}/{i}")
        for i, s in zip(samples.ids, split, strict=True)
    ]
    changes: list[object] = [provenance.changes.get(i) or None for i in samples.ids]
    arrays = {name: pa.array(values, COLUMNS[name]) for name, values in columns.items()}
    if samples.age_ranges is not None:
        for name, ends in zip(AGE_RANGE, samples.age_ranges.T, strict=True):
            arrays[name] = pa.array(ends, pa.float32(), from_pandas=True)  # NaN: none
    for name in sorted(samples.groups):
        values = [str(v) or None for v in samples.groups[name]]
        arrays[GROUP + name] = pa.array(values, pa.string())
    arrays["provenance"] = pa.array(sources, COLUMNS["provenance"])
    arrays["changed"] = pa.array(changes, COLUMNS["changed"])
    return pa.table(arrays)


def _relative_paths(samples: Samples) -> list[str]:
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
    return paths


def _votes(samples: Samples) -> list[list[float] | None]:
    """Return the votes of each sample; None without a label or votes."""
    has_votes = (samples.emotion >= 0) & ~np.isnan(samples.emotion_votes).any(axis=1)
    return [
        v.tolist() if has else None for v, has in zip(samples.emotion_votes, has_votes, strict=True)
    ]


def manifest_header(
    dataset: AuditDataset,
    made_by: Mapping[str, object],
    images_beside: bool = False,
    others_beside: bool = False,
) -> About:
    """Return what the manifest of a data set says of itself.

    Args:
        dataset: from which the manifest was made.
        made_by: how it was made.
        images_beside: whether the data set's images lie in IMAGES_FOLDER beside the manifest.
        others_beside: whether images of other data sets lie there.

    Raises:
        DataError: the name of the data folder is not UTF-8.
    """
    samples = dataset.samples
    source = IMAGES_FOLDER if images_beside else os.path.normpath(samples.root.absolute())
    roots = {SOURCE_ROOT: source}
    if others_beside:
        roots[HERE_ROOT] = IMAGES_FOLDER
    try:
        source.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"Expected the data folder's name in UTF-8, got {source!r}; "
            "rename it, or use --files copy."
        ) from None
    return About(samples.name, dataset.fingerprint, roots, samples.tight, dict(made_by))


def read_provenance(dataset: AuditDataset, data: Path) -> Provenance:
    """Return the provenance that a data set has because it is a manifest itself; else none."""
    if dataset.samples.name != "manifest":
        return Provenance()
    table, _ = manifest.read(manifest.find(data))
    ids = table["id"].to_pylist()
    source, changes = (
        {i: v for i, v in zip(ids, table[name].to_pylist(), strict=True) if v}
        for name in ("provenance", "changed")
    )
    return Provenance(source, changes)


def write_manifest(table: pa.Table, header: About, path: Path) -> None:
    """Write a manifest; the same rows give the same bytes."""
    data = io.BytesIO()  # pyarrow opens no path that is not UTF-8
    pq.write_table(table.replace_schema_metadata({KEY: header.to_json()}), data, compression="zstd")
    write_atomic(path, lambda temporary: temporary.write_bytes(data.getvalue()))
