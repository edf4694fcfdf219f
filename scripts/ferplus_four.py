"""Make assets/splits/ferplus_four.parquet: four classes of FER+, divided anew without leaks.

    python -m scripts.ferplus_four --data DIR --out assets/splits/ferplus_four.parquet

Classes and sizes are those of a FER capstone notebook (2024, unpublished). DIR holds FER2013Train
and FER2013Valid with their label.csv (the official test part stays out). The notebook has 15,138 /
1,917 / 1,926 pictures, of training 4,566 happy, 4,099 neutral, 3,974 sad and 2,499 surprised. Each
class is drawn at random in these shares; FER+ has fewer sad pictures than that, so all of them are
taken and the other classes fill up. `python -m evaluation restratify` then divides them, near
duplicates in one split; what exceeds the notebook's sizes is dropped at random. The list names
pictures relative to its own folder: copy it into the FER+ folder and give `python -m train --data`
the copy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from core.cli import run_program, seed_number
from core.data import Samples, manifest
from core.errors import DataError
from core.labels import FER4, FERPLUS8
from evaluation import __main__ as evaluation
from evaluation.quality import open_dataset
from evaluation.quality.repair import manifest as manifest_writer

NOTEBOOK = dict(zip(FER4.labels, (4566, 4099, 3974, 2499), strict=True))
SIZES = {"train": 15_138, "val": 1_917, "test": 1_926}
SPARE = 60
"""Pictures drawn beyond the notebook's, as clusters that stay whole do not meet its counts exactly.
"""
COLUMNS = ["id", "root", "path", "split", "emotion"]


def class_sizes(available: dict[str, int], total: int) -> dict[str, int]:
    """Return how many pictures of each class to draw, in the notebook's shares.

    A class with fewer pictures than its share is taken completely; the others fill up.

    Args:
        available: pictures of each class.
        total: what the result sums to.

    Raises:
        DataError: there are fewer than `total` pictures.
    """
    exhausted: dict[str, int] = {}
    while True:
        shares = {k: v for k, v in NOTEBOOK.items() if k not in exhausted}
        if not shares:
            raise DataError(
                f"Expected {total} pictures of {tuple(NOTEBOOK)}, got {sum(available.values())}."
            )
        remaining = total - sum(exhausted.values())
        exact = {k: remaining * v / sum(shares.values()) for k, v in shares.items()}
        short = {k: available[k] for k in shares if available[k] < exact[k]}
        if not short:
            break
        exhausted |= short
    sizes = exhausted | {k: int(v) for k, v in exact.items()}
    by_remainder = sorted(exact, key=lambda k: int(exact[k]) - exact[k])
    for k in by_remainder[: total - sum(sizes.values())]:
        sizes[k] += 1
    return sizes


def draw(samples: Samples, total: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions (total,) of the drawn samples, sorted."""
    at = {
        name: np.flatnonzero(samples.emotion == FERPLUS8.labels.index(name)) for name in FER4.labels
    }
    sizes = class_sizes({name: len(v) for name, v in at.items()}, total)
    return np.sort(np.concatenate([rng.permutation(at[name])[:n] for name, n in sizes.items()]))


def run(args: argparse.Namespace) -> int:
    """Draw, divide, thin out and write; return the exit status."""
    rng = np.random.default_rng(args.seed)
    dataset = open_dataset("ferplus", args.data)
    official = np.flatnonzero(dataset.split != "test")
    dataset = replace(
        dataset, samples=dataset.samples.take(official), split=dataset.split[official]
    )
    kept = draw(dataset.samples, sum(SIZES.values()) + SPARE, rng)
    with TemporaryDirectory() as folder:
        drawn, divided = Path(folder, "drawn"), Path(folder, "divided")
        drawn.mkdir()
        manifest_writer.write_manifest(
            manifest_writer.manifest_table(dataset.samples.take(kept), dataset.split[kept]),
            manifest_writer.manifest_header(dataset, {"by": "ferplus_four"}),
            drawn / manifest.FILE,
        )
        shares = "/".join(f"{100 * n / sum(SIZES.values()):.6f}" for n in SIZES.values())
        source = ["--dataset", "manifest", "--data", str(drawn)]
        how = ["--out", str(divided), "--shares", shares, "--seed", str(args.seed)]
        if status := evaluation.main(["restratify", *source, *how]):
            return status
        table, about = manifest.read(divided / manifest.FILE)
    split = np.array(table["split"].to_pylist())
    parts = {name: rng.permutation(np.flatnonzero(split == name)) for name in SIZES}
    if any(len(parts[name]) < n for name, n in SIZES.items()):
        raise DataError(
            f"Expected at least {SIZES}, got {[len(part) for part in parts.values()]}; raise SPARE."
        )
    rows = np.sort(np.concatenate([parts[name][:n] for name, n in SIZES.items()]))
    table = table.take(rows).select(COLUMNS)
    origin = {"by": "scripts/ferplus_four.py", "seed": args.seed}
    about = replace(about, dataset="ferplus", roots=dict.fromkeys(about.roots, "."), made_by=origin)
    manifest_writer.write_manifest(table, about, args.out)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.ferplus_four",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the FER+ folder")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="such as assets/splits/ferplus_four.parquet",
    )
    parser.add_argument("--seed", type=seed_number, default=0, help="default: %(default)s")
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
