"""Figures against severity: accuracy or age error, flips and paired change, as a tidy table.

Severity 0 is the image as it is. *Flips* are the share of predictions that a corruption changes,
for age by more than `FLIP_YEARS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.data.base.samples import Samples
from core.data.base.table_size import read_parquet
from core.errors import DataError
from core.files import atomic_file
from evaluation.predictions.arrays import CLUSTERS
from evaluation.robustness.measure import RobustnessPredictions, levels, unit
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample

FLIP_YEARS = 5.0
"""An age that moves by more counts as another prediction."""
METADATA_KEY = b"mien.robustness"
SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("kind", pa.string()),
        ("severity", pa.int8()),
        ("level", pa.float32()),
        ("unit", pa.string()),
        ("task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("n", pa.int32()),
        ("flips", pa.float64()),
        ("flips_low", pa.float64()),
        ("flips_high", pa.float64()),
        ("change", pa.float64()),
        ("change_low", pa.float64()),
        ("change_high", pa.float64()),
    ]
)
"""One row per model, data set, kind, severity and task; see `RobustnessRow`."""


@dataclass(frozen=True, slots=True)
class RobustnessFigures:
    """The figures of one task at one severity.

    Attributes:
        estimate: accuracy in [0, 1], or mean absolute error in years.
        flips: share of the samples whose prediction differs from severity 0.
        change: estimate minus that of severity 0, paired by sample.
    """

    estimate: Estimate
    flips: Estimate
    change: Estimate

    def to_dict(self) -> dict[str, object]:
        """Return the figures as columns of SCHEMA."""
        columns = self.estimate.to_dict()
        for name, estimate in (("flips", self.flips), ("change", self.change)):
            columns |= {
                name: estimate.value,
                f"{name}_low": estimate.low,
                f"{name}_high": estimate.high,
            }
        return {**columns}


@dataclass(frozen=True, slots=True)
class RobustnessRow:
    """A row of SCHEMA.

    Attributes:
        level: of the kind's UNIT, None at severity 0.
        metric: `accuracy` or `mae`.
    """

    model: str
    dataset: str
    split: str
    kind: str
    severity: int
    level: float | None
    unit: str
    task: str
    metric: str
    figures: RobustnessFigures

    def to_dict(self) -> dict[str, object]:
        """Return the row as columns of SCHEMA."""
        row = asdict(self) | self.figures.to_dict()
        del row["figures"]
        return row


def rows(
    predictions: RobustnessPredictions, model: str, kinds: Sequence[str]
) -> Iterator[RobustnessRow]:
    """Yield a row per task, kind and severity, for tasks with labels and predictions."""
    samples = predictions.samples
    labels = {"emotion": samples.emotion, "gender": samples.gender, "age": samples.age}
    subjects = _subjects(samples)
    for task, truth in labels.items():
        labelled = np.flatnonzero(~np.isnan(truth) if task == "age" else truth >= 0)
        if len(labelled) == 0 or task not in predictions.clean:
            continue
        cluster = None if subjects is None else subjects[labelled]
        clean = predictions.clean[task][labelled]
        for kind in kinds:
            for severity in range(len(levels(kind)) + 1):
                predicted = (
                    predictions.corrupted[kind, severity][task][labelled] if severity else clean
                )
                yield RobustnessRow(
                    model=model,
                    dataset=samples.name,
                    split=samples.split,
                    kind=kind,
                    severity=severity,
                    level=float(levels(kind)[severity - 1]) if severity else None,
                    unit=unit(kind),
                    task=task,
                    metric="mae" if task == "age" else "accuracy",
                    figures=figures(task, truth[labelled], predicted, clean, cluster),
                )


def _subjects(samples: Samples) -> NDArray[np.int64] | None:
    """Return a number for each sample's subject (N,), its own where the subject is not known."""
    names = next((samples.groups[c] for c in CLUSTERS if c in samples.groups), None)
    if names is None:
        return None
    distinct, codes = np.unique(names, return_inverse=True)
    return np.where(names == "", len(distinct) + np.arange(len(names)), codes)


def figures(
    task: str,
    truth: NDArray[Any],
    predicted: NDArray[Any],
    clean: NDArray[Any],
    cluster: NDArray[Any] | None = None,
) -> RobustnessFigures:
    """Return the figures of predictions on corrupted images against those on clean ones.

    Args:
        task: `emotion`, `gender` or `age`.
        truth: (N,) labels, or years.
        predicted: (N,) predictions on the corrupted images.
        clean: (N,) predictions at severity 0.
        cluster: (N,) number of each sample's subject, whose samples are drawn together; None where
            samples are independent.
    """
    codes = None if cluster is None else np.unique(cluster, return_inverse=True)[1]
    sample = Sample(len(truth), codes)
    if task == "age":
        loss, clean_loss = np.abs(predicted - truth), np.abs(clean - truth)
        is_flipped = np.abs(predicted - clean) > FLIP_YEARS
        estimate, change = sample.mean(loss, minimum=0), sample.mean(loss - clean_loss)
    else:
        is_right, clean_is_right = (predicted == truth) * 1.0, (clean == truth) * 1.0
        is_flipped = predicted != clean
        estimate = sample.share(is_right)
        change = sample.mean(is_right - clean_is_right, minimum=-1, maximum=1)
    return RobustnessFigures(estimate, sample.share(is_flipped), change)


def write(rows: Sequence[RobustnessRow], path: Path, about: Mapping[str, object]) -> None:
    """Write a table of SCHEMA; the file appears when it is complete.

    Args:
        rows: The rows.
        path: Parquet file to write.
        about: Where the rows come from, kept in the file's metadata.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([row.to_dict() for row in rows], SCHEMA)
    table = table.replace_schema_metadata({METADATA_KEY: json.dumps(about)})
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read(path: str | Path) -> pa.Table:
    """Read a table of SCHEMA that `robustness --out` wrote.

    Raises:
        DataError: No such file, or another table.
    """
    try:
        table = read_parquet(Path(path))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a table of `evaluation robustness --out`, got {path}: {str(error)[:200]}"
        ) from None
    if missing := [name for name in SCHEMA.names if name not in table.column_names]:
        raise DataError(
            f"Expected the columns of `evaluation robustness --out` in {path}, "
            f"got none called {missing[0]!r}; write it again."
        )
    return table.select(SCHEMA.names)
