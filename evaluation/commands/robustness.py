"""robustness: how a model's figures fall while pictures get worse: blur, noise, JPEG, low
resolution, light, occlusion, bad crops, mirror.

Accuracy of emotion and perceived gender and the error of age at severities 0 (the picture as it is:
what `predict` gives) to 5, and flips: the share of answers that a corruption changes, for age by
more than five years. `evaluation/corruptions/` says what each severity is, and that the face is
located on the clean picture. Seeded; with 95 % intervals, `change` paired with severity 0 on the
same samples.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from core import registry
from core.ensemble import open_model
from core.errors import DataError
from core.faces import best_detector
from core.progress import say, task
from evaluation.commands.predict import add_source, describe, load_samples
from evaluation.predictions import table
from evaluation.predictions.arrays import CLUSTERS
from evaluation.report.text import TITLES, grid, number
from evaluation.robustness.measure import KINDS, SEED, Measured, levels, measure, unit
from evaluation.statistics.estimate import Estimate, Sample

FLIP_YEARS = 5.0
"""An age that moves by more counts as another answer."""
KEY = b"mien.robustness"
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("model", "dataset", "split", "kind")]
    + [
        ("severity", pa.int8()),
        ("level", pa.float32()),
        ("unit", pa.string()),
        ("task", pa.string()),
        ("metric", pa.string()),
    ]
    + [(name, pa.float64()) for name in ("value", "low", "high")]
    + [("n", pa.int32())]
    + [
        (name, pa.float64())
        for name in ("flips", "flips_low", "flips_high", "change", "change_low", "change_high")
    ]
)
"""One row per model, data set, kind, severity and task. level: of the kind's UNIT, null at severity
0. metric: `accuracy` in [0, 1] or `mae` in years; value with its interval low to high; n: samples
with a truth; flips: share of them whose answer differs from severity 0; change: value minus that of
severity 0.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `robustness`."""
    add_source(parser)
    sets = ", ".join(registry.names("core.data"))
    parser.add_argument(
        "--dataset",
        required=True,
        action="append",
        help=f"may be given again, for one table of both; one of {sets}",
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="N samples, drawn with a fixed seed: lists are often sorted by their labels",
    )
    parser.add_argument(
        "--kinds",
        nargs="+",
        default=list(KINDS),
        metavar="KIND",
        help=f"default: all of {', '.join(KINDS)}",
    )
    parser.add_argument(
        "--out", type=Path, metavar="T.parquet", help="also write the figures as a table"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Prints the figures, and writes them where asked."""
    for kind in args.kinds:
        registry.load("evaluation.robustness.corruptions", kind)  # a mistyped name ends here
    if args.out:
        table.check_target(args.out)
    predictor = open_model(args.model, threads=args.threads)
    detector, about = best_detector()
    say(f"Face detector: {about}")
    made, sources = [], []
    for name in dict.fromkeys(args.dataset):
        samples = load_samples(name, args, SEED)
        sources.append(asdict(describe(predictor, samples, detector)) | {"limit": args.limit})
        with task(f"robustness {name}", len(samples)) as advance:
            measured = measure(
                predictor, samples, detector, args.kinds, threads=args.threads, heard=advance
            )
        if len(measured.samples) == 0:
            raise DataError(
                f"Expected pictures of {name} that can be read, got none; look at {samples.root}."
            )
        made += list(rows(measured, predictor.card.name, args.kinds))
    about_table = {"seed": SEED, "flip_years": FLIP_YEARS, "sources": sources}
    if args.out:
        write(pa.Table.from_pylist(made, SCHEMA), args.out, about_table)
        say(f"{args.out}: {len(made)} rows")
    if args.json:
        print(json.dumps({**about_table, "rows": made}, allow_nan=False))
    else:
        show(made, Console(highlight=False, markup=False))
    return 0


def rows(measured: Measured, model: str, kinds: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of SCHEMA, for tasks of which the data have a truth and the model an answer."""
    samples = measured.samples
    truths = {"emotion": samples.emotion, "gender": samples.gender, "age": samples.age}
    named = next((samples.groups[c] for c in CLUSTERS if c in samples.groups), None)
    for of, truth in truths.items():
        known = np.flatnonzero(~np.isnan(truth) if of == "age" else truth >= 0)
        if len(known) == 0 or of not in measured.clean:
            continue
        cluster = None if named is None else named[known]
        first = measured.clean[of][known]
        for kind in kinds:
            for severity in range(len(levels(kind)) + 1):
                now = measured.worse[kind, severity][of][known] if severity else first
                yield {
                    "model": model,
                    "dataset": samples.name,
                    "split": samples.split,
                    "kind": kind,
                    "severity": severity,
                    "level": float(levels(kind)[severity - 1]) if severity else None,
                    "unit": unit(kind),
                    "task": of,
                    "metric": "mae" if of == "age" else "accuracy",
                    **figures(of, truth[known], now, first, cluster),
                }


def figures(
    of: str,
    truth: np.ndarray,
    now: np.ndarray,
    first: np.ndarray,
    cluster: np.ndarray | None = None,
) -> dict[str, Any]:
    """Figures of task `of`, answers (N,) `now` against those at severity 0. cluster (N,): whose
    samples are drawn together.
    """
    if of == "age":
        score, before, moved = (
            np.abs(now - truth),
            np.abs(first - truth),
            np.abs(now - first) > FLIP_YEARS,
        )
    else:
        score, before, moved = (
            (now == truth).astype(float),
            (first == truth).astype(float),
            now != first,
        )
    sample = Sample(
        len(truth), None if cluster is None else np.unique(cluster, return_inverse=True)[1]
    )
    made: dict[str, Any] = (sample.mean if of == "age" else sample.share)(score).to_dict()
    for name, found in (("flips", sample.share(moved)), ("change", sample.mean(score - before))):
        made |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return made


def write(made: pa.Table, path: Path, about: dict[str, Any]) -> None:
    """Writes a table of SCHEMA; the file appears when whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    pq.write_table(made.replace_schema_metadata({KEY: json.dumps(about)}), new, compression="zstd")
    new.replace(path)


def read(path: str | Path) -> pa.Table:
    """A table of SCHEMA that `robustness --out` wrote.

    Raises:
        DataError: no such file, or another table.
    """
    try:
        found = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"Expected a table of `evaluation robustness --out`, got {path}: {str(error)[:200]}"
        ) from None
    if missing := [name for name in SCHEMA.names if name not in found.column_names]:
        raise DataError(
            f"Expected the columns of `evaluation robustness --out` in {path}, got none called {missing[0]!r}; write it again."
        )
    return found.select(SCHEMA.names)


def show(made: list[dict[str, Any]], console: Console) -> None:
    """A grid for each data set and task: kinds down, severities across."""
    for dataset, of in dict.fromkeys((r["dataset"], r["task"]) for r in made):
        mine = [r for r in made if (r["dataset"], r["task"]) == (dataset, of)]
        clean, worst = mine[0], max(r["severity"] for r in mine)
        percent = of != "age"
        console.print(
            f"\n{TITLES[of]}, {dataset}: {'accuracy, %' if percent else 'mean absolute error'} against severity",
            style="bold",
        )
        console.print(
            f"{clean['n']} samples; severity 0, as they are: {number(Estimate.of_dict(clean), percent=percent)}"
        )
        out = grid("", "corruption", *map(str, range(1, worst + 1)), "change", "flips")
        for kind in dict.fromkeys(r["kind"] for r in mine):
            line = [r for r in mine if r["kind"] == kind and r["severity"]]
            scale, digits = (100, 1) if percent else (1, 2)
            cells = [f"{r['value'] * scale:.{digits}f}" for r in line] + [""] * (worst - len(line))
            out.add_row(
                kind,
                *cells,
                f"{line[-1]['change'] * scale:+.{digits}f}",
                f"{line[-1]['flips']:.0%}",
            )
        console.print(out)
    console.print(
        "change, flips: at the highest severity; 95 % intervals of every figure: --json or --out",
        soft_wrap=True,
    )
