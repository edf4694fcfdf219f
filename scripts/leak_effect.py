"""What removing leaks does to a measured accuracy: audit, repair, train the same recipe on both,
predict, compare.

    python scripts/leak_effect.py --data DIR --out runs/leaks [--dataset ferplus] [--recipe
    mien_first] [--epochs 4] [--seed 0]...
                                  [--control] [--prepare-only]

Two manifests are made: `with`, the data as they are, and `without`, whose train part lacks every
picture of which val or test has a copy (same pixels or nearly; check `leaks`). Val is the same in
both and says of each picture whether train has a copy (group `copy_in_train`). The difference in
accuracy on all of val, with its paired-bootstrap interval, is what the leaks add; that on the
pictures with a copy says where it comes from. `control` drops as many other pictures instead: a
smaller train part alone. Training again with another --seed shows how much of a difference is
chance. A step whose result is there is not done again. Two trainings of 4 epochs take about 20
minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.progress import say
from evaluation.quality import open_context, run_check
from evaluation.quality.checks import leaks
from evaluation.quality.duplicates.clusters import near_clusters
from evaluation.quality.repair import apply, plan
from evaluation.quality.repair.plan import Row

ROOT = Path(__file__).resolve().parent.parent
GROUP = "copy_in_train"


def arms(args: argparse.Namespace) -> dict[str, int]:
    """Writes the manifests; arm -> pictures in its train part."""
    context = open_context(args.dataset, args.data)
    cluster, train = near_clusters(context).cluster, context.split == "train"
    copied = np.isin(cluster, cluster[train]) & ~train
    told = np.where(train, "", np.where(copied, "yes", "no"))
    found = run_check(leaks, context)
    rows = [
        r
        for r in plan.rows({"leaks": found}, context.fingerprint)
        if r.action == "drop" and r.split == "train"
    ]
    say(
        f"{int(copied.sum())} of {int((~train).sum())} pictures outside of train have a copy in it; {len(rows)} train pictures are dropped"
    )
    context = replace(
        context, samples=replace(context.samples, groups={**context.samples.groups, GROUP: told})
    )
    plans: dict[str, list[Row]] = {"with": [], "without": rows}
    if args.control:
        dropped = {r.sample_id for r in rows}
        others = [
            i
            for i, s in zip(context.samples.ids, train.tolist(), strict=True)
            if s and i not in dropped
        ]
        chosen = np.random.default_rng(0).choice(others, len(rows), replace=False)
        plans["control"] = [
            Row(str(i), "drop", "", "control", "train", context.fingerprint) for i in chosen
        ]
    return {
        arm: apply.apply(todo, context, args.out / arm).splits["train"]
        for arm, todo in plans.items()
    }


def run(*command: object) -> str:
    """`python -m ...`, its stdout; stderr goes through.

    Raises:
        CalledProcessError: it failed.
    """
    line = [sys.executable, "-m", *map(str, command)]
    say(" ".join(line[1:]))
    return subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def predictions(args: argparse.Namespace, arm: str, seed: int) -> Path:
    """The arm's predictions of val, trained and predicted where they are not there yet."""
    made, where = args.out / f"{arm}-{seed}.parquet", args.out / f"run-{arm}-{seed}"
    if made.is_file():
        return made
    data = args.out / arm / "manifest.parquet"
    models = sorted(where.rglob("model.onnx"))
    if not models:
        again = ["--resume"] if any(where.glob("*.pt")) else []
        more = [part for text in args.set for part in ("--set", text)]
        run(
            "train",
            args.recipe,
            "--data",
            data,
            "--out",
            where,
            "--epochs",
            args.epochs,
            "--set",
            f"seed={seed}",
            *more,
            *again,
        )
        models = sorted(where.rglob("model.onnx"))
    run(
        "evaluation",
        "predict",
        "--model",
        models[0],
        "--dataset",
        "manifest",
        "--data",
        data,
        "--split",
        "val",
        "--out",
        made,
    )
    return made


def main(argv: list[str] | None = None) -> int:
    """Prints one JSON object: pictures of each arm, and B minus A by seed for every arm against
    `with`.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--dataset", default="ferplus")
    parser.add_argument(
        "--recipe", default="mien_first", help="default: %(default)s, whose net is quick"
    )
    parser.add_argument("--epochs", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--seed", type=int, action="append", help="may be given again (default: 0)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="handed on to train"
    )
    parser.add_argument(
        "--control", action="store_true", help="also drop as many pictures that are no leaks"
    )
    parser.add_argument(
        "--prepare-only", action="store_true", help="stop when the manifests are there"
    )
    args = parser.parse_args(argv)
    args.out = args.out.absolute()
    said: dict[str, Any] = {"train": arms(args)}
    if not args.prepare_only:
        for seed in args.seed or [0]:
            tables = {arm: predictions(args, arm, seed) for arm in said["train"]}
            for arm in [a for a in tables if a != "with"]:
                found = json.loads(
                    run(
                        "evaluation", "compare", tables["with"], tables[arm], "--limit", 0, "--json"
                    )
                )
                said[f"{arm} minus with, seed {seed}"] = {
                    task: found[task] for task in ("emotion", "gender", "age") if found[task]
                }
    print(json.dumps(said, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
