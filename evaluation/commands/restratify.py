"""restratify: divides a data set anew, 80/10/10 or as given, so that nothing leaks and all labels
are spread evenly; writes a manifest.

Near duplicates, and pictures of one person where the data say who it is (groups `subject`,
`person`, `identity`), stay in one split.
Emotion, perceived gender and age band, each and together, have the same shares in all splits. The
data are not touched; `python -m train --data DIR/manifest.parquet` trains on the result.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core import registry
from core.progress import say

SHOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of `restratify`."""
    add_source(parser)
    parser.add_argument(
        "--shares",
        default="80/10/10",
        help="of train, val and test, or of train and val (default: %(default)s)",
    )
    parser.add_argument(
        "--fix",
        type=Path,
        metavar="plan.csv",
        help="also write the moves as a plan for `audit --apply`",
    )


def add_source(parser: argparse.ArgumentParser) -> None:
    """What `restratify` and `balance` both ask for."""
    names = ", ".join(registry.names("core.data"))
    parser.add_argument("--dataset", required=True, help=f"one of {names}")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="its folder, or the folder that holds it",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the new folder, with manifest.parquet",
    )
    parser.add_argument(
        "--files",
        choices=("manifest", "link", "copy"),
        default="manifest",
        help="pictures beside the manifest",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="neither read nor write what was computed of each picture",
    )


def run(args: argparse.Namespace) -> int:
    """Divides, writes, and says how even the result is."""
    from evaluation.commands.audit import writable
    from evaluation.quality import open_context
    from evaluation.quality.out_of_fold import together
    from evaluation.quality.repair import apply, plan
    from evaluation.quality.repair import restratify as divided

    wanted = divided.shares(args.shares)
    if args.fix:
        writable(args.fix)
    context = open_context(args.dataset, args.data, cache=not args.no_cache)
    apply.apart(args.out, context.samples.root)
    cluster = together(context)
    traits = divided.features(context.samples)
    split = divided.divide([codes for codes, _ in traits.values()], cluster, wanted, seed=args.seed)
    names = divided.NAMES[len(wanted)]
    why = f"restratified {args.shares}, seed {args.seed}"
    rows = [
        plan.Row(name, "move", names[s], why, old, context.fingerprint)
        for name, s, old in zip(
            context.samples.ids, split.tolist(), context.split.tolist(), strict=True
        )
        if names[s] != old
    ]
    if args.fix:
        plan.save(sorted(rows, key=lambda r: r.sample_id), args.fix)
    done = apply.apply(rows, context, args.out, args.files, data=args.data)
    off = divided.distances(context.samples, split, names, wanted)
    sizes = np.unique(cluster, return_counts=True)[1]
    clusters = {
        "clusters": len(sizes),
        "of_several": int((sizes > 1).sum()),
        "largest": int(sizes.max()),
    }
    if args.json:
        print(
            json.dumps({**asdict(done), **clusters, "farthest": [asdict(o) for o in off[:SHOWN]]})
        )
    else:
        show(args.out, done.splits, done.moved, clusters, off[:SHOWN])
    return 0


def show(
    out: Path, splits: dict[str, int], moved: int, clusters: dict[str, int], off: list
) -> None:  # type: ignore[type-arg]
    """The result as text."""
    from evaluation.report.text import console, grid

    total = sum(splits.values())
    say(
        f"{clusters['clusters']} clusters, {clusters['of_several']} of several pictures, the largest of {clusters['largest']}"
    )
    out_console = console()
    told = ", ".join(f"{name} {n} ({n / total:.1%})" for name, n in splits.items())
    out_console.print(f"{out}: {told}; {moved} samples moved", soft_wrap=True)
    rows = grid("Farthest from its share", "what", "split", "wanted", "got", "n")
    for o in off:
        rows.add_row(o.what, o.split, f"{o.wanted:.1%}", f"{o.got:.1%}", str(o.n))
    out_console.print(rows)
