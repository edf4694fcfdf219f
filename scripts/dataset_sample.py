"""Make the data set that the studio's page Data set shows at first: four classes of FER+.

    python -m scripts.dataset_sample --data DIR --out assets/sample/dataset

DIR holds FER2013Train and FER2013Valid with their label.csv. Written are two files without any
picture: `ferplus_published.parquet`, a manifest of the pictures of four classes in the publishers'
splits, from which assets/splits/ferplus_four.parquet was drawn and divided anew, and
`findings.parquet`, what the audit finds of copies and leaks in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from core.cli import run_program
from core.data import manifest
from core.labels import FER4, FERPLUS8
from evaluation import __main__ as evaluation
from evaluation.quality import open_dataset
from evaluation.quality.repair import manifest as manifest_writer
from evaluation.quality.repair import review

COLUMNS = ["id", "root", "path", "split", "emotion"]
CHECKS = "exact_pixels,near_duplicates,leaks"


def without_folders(findings: Path) -> None:
    """Write a file of findings again without the names of this machine's folders."""
    table = pq.read_table(findings)
    header = json.loads(table.schema.metadata[review.KEY]) | {"data": "DIR", "root": "DIR"}
    table = table.replace_schema_metadata({review.KEY: json.dumps(header)})
    pq.write_table(table, findings, compression="zstd")


def run(args: argparse.Namespace) -> int:
    """Write the manifest, audit it and write the findings; return the exit status."""
    dataset = open_dataset("ferplus", args.data)
    codes = [FERPLUS8.labels.index(label) for label in FER4.labels]
    kept = np.flatnonzero(np.isin(dataset.samples.emotion, codes) & (dataset.split != "test"))
    header = manifest_writer.manifest_header(dataset, {"by": "scripts/dataset_sample.py"})
    table = manifest_writer.manifest_table(dataset.samples.take(kept), dataset.split[kept])
    table = table.select(COLUMNS)
    args.out.mkdir(parents=True, exist_ok=True)
    findings = args.out / "findings.parquet"
    with TemporaryDirectory() as folder:
        manifest_writer.write_manifest(table, header, Path(folder, manifest.FILE))
        words = ["audit", "--dataset", "manifest", "--data", folder, "--checks", CHECKS]
        if status := evaluation.main([*words, "--findings", str(findings)]):
            return status
    without_folders(findings)
    # Copied into the FER+ folder the list is complete.
    header = replace(header, roots=dict.fromkeys(header.roots, "."))
    manifest_writer.write_manifest(table, header, args.out / "ferplus_published.parquet")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.dataset_sample",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the FER+ folder")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the sample's folder"
    )
    return run_program(parser, run, argv)


if __name__ == "__main__":
    sys.exit(main())
