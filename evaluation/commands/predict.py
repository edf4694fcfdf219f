"""A model's predictions for a data set, as a table (Parquet, or CSV by the suffix of --out).

Crops are made as in training; a file that cannot be read is left out and counted. Memory does not
grow with the data. A stopped run is resumed when the same command is given again, and ends with the
same table; a run with another model, other data or other options starts anew.

Examples:
  python -m evaluation predict --model M --dataset ferplus --data DIR --split test --out t.parquet
  python -m evaluation predict --model M --dataset utkface --data DIR --conditions --out t.csv
"""

from __future__ import annotations

import argparse
from time import perf_counter

from core.artifacts.operating_point import ACCURACY
from core.cli import add_trust
from core.face_model import open_model
from core.faces import best_detector
from core.progress import say
from core.vocabulary import count_of
from evaluation import engines
from evaluation.commands._options import add_options, load_samples
from evaluation.predictions.resume import PredictionRun, Stopped, predict_to_file

STATUS_STOPPED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `predict`."""
    add_options(parser, "--model", "--dataset", "--split", "--threads")
    add_trust(parser)
    add_options(parser, "--data", required=True)
    add_options(parser, "--engine", "--address")
    add_options(parser, "--limit", help="only the first N samples")
    add_options(parser, "--out", help="table to write; *.csv writes CSV")
    parser.add_argument(
        "--name",
        help="what the table calls the model (default: its own name), "
        "to tell two ways of using one model apart",
    )
    parser.add_argument(
        "--operating-point",
        default=ACCURACY,
        metavar="NAME",
        help="one of the model's card; the demo uses the card's default, often `balanced` "
        "(default: %(default)s, as trained, which compares with published figures)",
    )
    parser.add_argument(
        "--embedding", action="store_true", help="also write the network's embedding of every face"
    )
    parser.add_argument(
        "--conditions",
        action="store_true",
        help="also measure size, blur, light and pose of every face, for `slices`",
    )


def run(args: argparse.Namespace) -> int:
    """Write the table; progress and what was left out go to stderr.

    The exit status is 130 where Ctrl-C stopped it.
    """
    try:
        with engines.start(args.engine, args.threads, args.address) as engine:
            predictor = open_model(
                args.model,
                threads=engine.threads,
                operating_point=args.operating_point,
                is_trusted=args.trust,
            )
            samples = load_samples(args.dataset, args)
            detector, about = best_detector()
            say(f"Face detector: {about}")
            start = perf_counter()
            work = PredictionRun(
                predictor,
                samples,
                detector,
                args.data,
                engine,
                embedding=args.embedding,
                conditions=args.conditions,
                name=args.name,
            )
            counts = predict_to_file(work, args.out)
            seconds = perf_counter() - start
    except Stopped as stop:
        say(f"{stop}; {args.out} is not written yet: the same command goes on from there")
        return STATUS_STOPPED
    text = (
        f"{args.out}: {count_of(counts.rows, 'sample')} of {args.dataset} ({args.split}) in "
        f"{seconds:.1f} s, a face found in {counts.faces / counts.rows:.1%}"
    )
    if counts.unreadable:
        text += f", {count_of(counts.unreadable, 'unreadable file')} left out"
    say(text)
    return 0
