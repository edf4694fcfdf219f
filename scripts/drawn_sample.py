"""Regenerate the studio's sample with pictures, assets/sample/drawn.

    python -m scripts.drawn_sample [--work DIR] [--out DIR]

Trains the recipes `drawn_emotion` and `drawn_joint` on the data set `synthetic`, exports them as
INT8, predicts the test split of `synthetic_noisy`, measures robustness and looks for wrong labels.
The commands are printed; each can be given by hand. About five minutes on two idle cores. A run
that is in DIR already is not trained again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli import run_program
from core.system import ROOT
from evaluation.predictions import table
from evaluation.training_runs.run_folder import HISTORY, RECIPE

RECIPES = ("drawn_emotion", "drawn_joint")
JOINT = RECIPES[1]
NOISY = ("--dataset", "synthetic_noisy", "--data", ".")
RUN_FILES = (HISTORY, RECIPE)
"""Files of a run folder that ship beside the model."""
KINDS = ("blur", "noise", "jpeg", "brightness", "occlusion", "rotation")


def command(*words: object) -> None:
    """Run `python -m WORDS`; the script ends where it fails."""
    texts = [str(word) for word in words]
    print("python -m", *texts, flush=True)
    subprocess.run([sys.executable, "-m", *texts], cwd=ROOT, check=True)


def drop_votes(path: Path) -> None:
    """Take the column of votes out of a table: the labels were drawn, nobody has voted."""
    predictions = table.read(path)
    table.write(predictions.drop_columns(["emotion_votes"]), path)


def run(args: argparse.Namespace) -> None:
    """Write the sample."""
    work, out = args.work.resolve(), args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in RECIPES:
        run, shipped = work / name, out / "runs" / name
        if not (run / "bundle").is_dir():
            command("train", name, "--out", run)
        bundle, predictions = work / f"{name}-int8" / name, out / f"{name}.parquet"
        command("train", "export", run, "--out", bundle, "--int8")
        (shipped / "bundle").mkdir(parents=True, exist_ok=True)
        for file in RUN_FILES:
            shutil.copyfile(run / file, shipped / file)
        shutil.copyfile(bundle / "model.onnx", shipped / "bundle" / "model.onnx")
        model = ("--model", shipped / "bundle", "--split", "test")
        extra = ("--embedding", "--conditions")
        command("evaluation", "predict", *model, *NOISY, *extra, "--out", predictions)
        drop_votes(predictions)
    joint = ("--model", out / "runs" / JOINT / "bundle")
    kinds = ("--kinds", *KINDS)
    measured = ("--split", "test", "--out", out / "robustness.parquet")
    command("evaluation", "robustness", *joint, *NOISY, *kinds, *measured)
    judged = ("--set", f"labels.predictions={out / f'{JOINT}.parquet'}")
    checks = ("--checks", "labels", *judged, "--findings", out / "findings.parquet")
    command("evaluation", "audit", *NOISY, *checks)


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    p = argparse.ArgumentParser(
        prog="python -m scripts.drawn_sample",
        description="Regenerate the studio's sample with pictures.",
    )
    p.add_argument("--work", type=Path, default=ROOT / "runs", help="folder of the runs")
    p.add_argument("--out", type=Path, default=ROOT / "assets" / "sample" / "drawn")
    return run_program(p, run, argv)


if __name__ == "__main__":
    sys.exit(main())
