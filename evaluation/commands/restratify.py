"""Divide a data set anew, 80/10/10 or as given, so that nothing leaks and labels are spread evenly.

Near duplicates, and pictures of one person where the data say who it is (groups `subject`,
`person`, `identity`), stay in one split. Emotion, perceived gender and age band, each and
together, have the same shares in all splits. The result is a manifest, the data are not touched;
`python -m train --data DIR/manifest.parquet` trains on the result.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core.progress import say
from core.vocabulary import count_of
from evaluation.commands._options import add_options, add_result_folder
from evaluation.report.formatting import console, print_json, print_table

if TYPE_CHECKING:
    from evaluation.quality.repair.restratify import RestratifyResult

MAX_PRINTED_DEVIATIONS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `restratify`."""
    add_result_folder(parser)
    parser.add_argument(
        "--shares",
        default="80/10/10",
        help="of train, val and test, or of train and val (default: %(default)s)",
    )
    add_options(parser, "--fix", help="also write the moves as a plan for `audit --apply`")


def run(args: argparse.Namespace) -> int:
    """Divide the data set, write the result and say how even it is."""
    from evaluation.quality import open_dataset  # OpenCV and ONNX Runtime, not for --help
    from evaluation.quality.repair.destination import require_writable
    from evaluation.quality.repair.restratify import parse_shares, restratify

    parse_shares(args.shares)
    if args.fix:
        require_writable(args.fix)
    dataset = open_dataset(args.dataset, args.data, cache=not args.no_cache)
    result = restratify(
        dataset,
        args.out,
        args.shares,
        seed=args.seed,
        placement=args.files,
        data=args.data,
        plan_path=args.fix,
    )
    if args.json:
        print_json(
            {
                **asdict(result.applied),
                "clusters": result.cluster_count,
                "of_several": result.shared_cluster_count,
                "largest": result.largest_cluster,
                "farthest": result.deviations[:MAX_PRINTED_DEVIATIONS],
            }
        )
    else:
        _print_result(args.out, result)
    return 0


def _print_result(out: Path, result: RestratifyResult) -> None:
    """Print the result as text."""
    say(
        f"{count_of(result.cluster_count, 'cluster')}, {result.shared_cluster_count} of several "
        f"pictures, the largest of {result.largest_cluster}"
    )
    screen = console()
    splits = result.applied.splits
    total = sum(splits.values())
    sizes = ", ".join(f"{name} {n} ({n / total:.1%})" for name, n in splits.items())
    screen.print(
        f"{out}: {sizes}; {count_of(result.applied.moved, 'sample')} moved", soft_wrap=True
    )
    rows = (
        [d.what, d.split, f"{d.wanted:.1%}", f"{d.got:.1%}", str(d.n)]
        for d in result.deviations[:MAX_PRINTED_DEVIATIONS]
    )
    print_table(screen, "Farthest from its share", ["what", "split", "wanted", "got", "n"], rows)
