"""How far labels and predictions agree with other labels of the same pictures, in Markdown.

Such as those of FER2013, which say what a picture was searched for, while FER+ says what ten people
saw in it. Each row is one class of the other labels: how often the table's own label names it, and
how often each model does; of several tables also what the last gains on the first, paired.

Examples:
  python -m evaluation agreement mien.parquet --labels fer2013_labels.csv
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.errors import DataError
from core.labels import FERPLUS8
from evaluation.commands._options import add_options
from evaluation.commands._tables import read_one_model, unique_names
from evaluation.predictions.arrays import classes
from evaluation.predictions.importing.formats import read_raw
from evaluation.report import formatting
from evaluation.report.markdown import table as markdown
from evaluation.statistics.estimate import Estimate
from evaluation.statistics.sample import Sample

ALL, MEAN = "all", "mean over classes"
OWN, DIFFERENCE = "the table's label", "last less first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `agreement`."""
    parser.add_argument(
        "tables", nargs="+", type=Path, metavar="T.parquet", help="of the same pictures"
    )
    parser.add_argument(
        "--labels",
        required=True,
        type=Path,
        metavar="L.csv",
        help="a table with the label in its last column; those before it, joined by /, are the "
        "sample_id",
    )
    add_options(parser, "--json")


def run(args: argparse.Namespace) -> int:
    """Print the table and return the exit status."""
    other = read_labels(args.labels)
    columns: dict[str, dict[str, Estimate]] = {}
    agrees: list[np.ndarray] = []
    ids: list[np.ndarray] = []
    names = unique_names(args.tables, (OWN, DIFFERENCE))
    for name, path in zip(names, args.tables, strict=True):
        true, predicted, labels, compared = _with_other(read_one_model(path), other)
        columns.setdefault(OWN, _agreement(true, labels))
        columns[name] = _agreement(predicted, labels)
        agrees.append(predicted == labels)
        ids.append(compared)
    if len(agrees) > 1:
        if not np.array_equal(ids[0], ids[-1]):
            raise DataError("Expected tables of the same pictures in the same order, got others.")
        columns[DIFFERENCE] = _differences(agrees[-1].astype(float) - agrees[0], labels)
    if args.json:
        formatting.print_json(columns)
        return 0
    rows = next(iter(columns.values()))
    cells = [
        [
            row,
            str(rows[row].n),
            *(
                formatting.number(c.get(row), percent=True, sign=title == DIFFERENCE)
                for title, c in columns.items()
            ),
        ]
        for row in rows
    ]
    print(markdown(["other label", "n", *columns], cells))
    return 0


def read_labels(path: Path) -> dict[str, int]:
    """Return the emotion of each sample_id, an index in FERPLUS8; rows without one are left out.

    Raises:
        DataError: the file is missing, too large or no table, or a label is no emotion.
    """
    rows = read_raw(path).table
    try:
        *parts, labels = (column.cast(pa.string()).to_pylist() for column in rows.columns)
    except pa.ArrowException as error:
        raise DataError(f"Expected columns of text in {path}, got: {error}.") from error
    return {
        "/".join(part or "" for part in names): FERPLUS8.index(label)
        for *names, label in zip(*parts, labels, strict=True)
        if label
    }


def _with_other(
    rows: pa.Table, other: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return own label, prediction, other label and sample_id of the rows that have all, each (N,).

    Labels and predictions are indices in FERPLUS8.

    Raises:
        DataError: the table has no emotions, or none of its pictures has another label.
    """
    own = classes(rows, "emotion")
    if own is None:
        raise DataError("Expected labels and predictions of emotion in the table, got none.")
    space = np.array([FERPLUS8.index(label) for label in own.labels])
    ids = np.array(rows["sample_id"].to_pylist(), object)
    labels = np.array([other.get(name, -1) for name in ids[own.rows]])
    if not (labels >= 0).any():
        raise DataError(
            f"Expected labels of the table's pictures such as {ids[0]!r}, got others such as "
            f"{next(iter(other), '')!r}."
        )
    has = labels >= 0
    return space[own.true[has]], space[own.pred[has]], labels[has], ids[own.rows][has]


def _agreement(named: np.ndarray, labels: np.ndarray) -> dict[str, Estimate]:
    """Return how often `named` is the label, by class, over all, and as the mean over classes."""
    sample, k = Sample(len(labels)), len(FERPLUS8)
    shares = sample.shares(named == labels, labels, k)
    by_class = {FERPLUS8.labels[i]: share for i, share in enumerate(shares) if share.n}
    values = [share.value for share in by_class.values() if share.value is not None]
    mean = Estimate(float(np.mean(values)), None, None, len(labels))
    return by_class | {MEAN: mean, ALL: sample.share(named == labels)}


def _differences(gain: np.ndarray, labels: np.ndarray) -> dict[str, Estimate]:
    """Return the mean of the paired differences (N,), by class and over all."""
    sample, k = Sample(len(labels)), len(FERPLUS8)
    means = sample.means(gain, labels, k)
    by_class = {FERPLUS8.labels[i]: mean for i, mean in enumerate(means) if mean.n}
    return by_class | {ALL: sample.mean(gain)}
