"""The product's modules, functions and fields, which the golden tests know only from here, from
`studio_figures` and from `named_values`.

Where a module moves or a function is renamed, change these files and nothing else: what their
functions return has to stay the same. Product modules are imported inside the functions, so that a
broken import fails the golden that needs it and no other.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "assets" / "sample"
MODEL = ROOT / "assets" / "releases" / "mien_0_4" / "model.onnx"
"""Release 0.4.1: a newer shipped model changes no golden."""
TABLES = Path(__file__).parent / "tables"
CARD_KEY = "mien.card"
MIEN = {name: TABLES / f"mien-{name}-val.parquet" for name in ("ferplus", "utkface")}
UNALIGNED = {name: TABLES / f"mien-whole-{name}-val.parquet" for name in ("ferplus", "utkface")}
"""Predictions of release 0.4.0: on aligned crops, and on whole pictures without landmarks."""


def train(*argv: object) -> Any:
    """The JSON that `python -m train ARGV --json` prints."""
    from train.__main__ import main

    return _json(main, *argv)


def evaluation(*argv: object) -> Any:
    """The JSON that `python -m evaluation ARGV --json` prints."""
    from evaluation.__main__ import main

    return _json(main, *argv)


def _json(main: Callable[[list[str]], int], *argv: object) -> Any:
    """Calls a command's `main` in this process.

    Args:
        main: takes the arguments, returns the exit status.
        argv: arguments but for `--json`.

    Returns:
        What was printed to stdout, parsed.

    Raises:
        AssertionError: the exit status is not 0; the message holds what was printed to stderr.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*map(str, argv), "--json"])
    assert status == 0, f"exit status {status} of {argv}: {err.getvalue()}"
    return json.loads(out.getvalue())


@cache
def recipe_list() -> Any:
    """What `--list` prints: a row per recipe."""
    return train("--list")


def recipes() -> dict[str, Any]:
    """Recipe name -> what `--show` prints of it."""
    return {row["name"]: train("--show", row["name"]) for row in recipe_list()["recipes"]}


def card() -> Any:
    """The card in the shipped model file's metadata, read with the onnx package alone."""
    import onnx

    held = {p.key: p.value for p in onnx.load(MODEL).metadata_props}
    return json.loads(held[CARD_KEY])


@cache
def clustered() -> dict[str, Path]:
    """Tables made of the shipped ones, in a temporary folder that lasts as long as the process.

    Every third row, with a made-up subject for each five rows in a row (`group_subject`), so that
    all intervals are clustered, and with an embedding: the logarithms of the emotion probabilities.

    Returns:
        "mien-ferplus", "whole-ferplus", "mien-utkface", "whole-utkface" -> file.
    """
    folder = Path(_kept().name)
    clustered_files = {}
    for model, files in (("mien", MIEN), ("whole", UNALIGNED)):
        for dataset, file in files.items():
            table = pq.read_table(file)
            table = table.take(np.arange(0, len(table), 3))
            subjects = [f"s{i // 5:03d}" for i in range(len(table))]
            table = table.append_column("group_subject", pa.array(subjects))
            names = [n for n in table.column_names if n.startswith("emotion_p_")]
            p = np.stack([table[n].to_numpy() for n in names], axis=1)
            logs = np.log(np.maximum(p, 1e-6)).astype(np.float32)
            kind = pa.list_(pa.float32())
            table = table.append_column("embedding", pa.array(list(logs), kind))
            clustered_files[f"{model}-{dataset}"] = folder / f"{model}-{dataset}.parquet"
            pq.write_table(table, clustered_files[f"{model}-{dataset}"])
    return clustered_files


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="golden-")


AUDIT = (
    "class_balance,conflicts,drift,exact_files,exact_pixels,faults,labels,leaks,mirrored,"
    "near_duplicates,split_shares,unreadable"
)
"""The checks that need no network: what one computes may differ between processors."""


def audit() -> Any:
    """`evaluation audit` of a drawn data set with planted faults; `labels` reads a drawn table."""
    from tests.evaluation.quality import faulty

    with tempfile.TemporaryDirectory(prefix="golden-") as text:
        root = faulty.tree(Path(text) / "faces", 15)
        faulty.faults(root)
        predictions = Path(text) / "predictions.parquet"
        pq.write_table(_predictions(root), predictions)
        source = ["--dataset", "image_folder", "--data", root, "--no-cache"]
        checks = ["--checks", AUDIT, "--set", f"labels.predictions={predictions}"]
        return _without(str(root), evaluation("audit", *source, *checks))


def _predictions(root: Path) -> pa.Table:
    """Drawn probabilities of a tree SPLIT/CLASS/picture; about one answer in twelve is wrong."""
    files = sorted(p for p in root.rglob("*") if p.suffix in (".png", ".jpg"))
    names = sorted({p.parent.name for p in files})
    truth = [p.parent.name for p in files]
    rng = np.random.default_rng(0)
    own = rng.uniform(0.4, 0.99, len(files))
    own[rng.random(len(files)) < 1 / 12] = 0.04
    columns: dict[str, Any] = {
        "sample_id": [p.relative_to(root).as_posix() for p in files],
        "emotion_true": truth,
    }
    for name in names:
        columns[f"emotion_p_{name}"] = np.where(np.array(truth) == name, own, 1 - own)
    return pa.table(columns)


def _without(folder: str, value: Any) -> Any:
    """`value` with a temporary folder's name replaced in all texts."""
    return json.loads(json.dumps(value).replace(folder, "DATA"))


def robustness_table() -> Any:
    """The shipped robustness table, as the studio reads it: a row per kind, severity and task."""
    from evaluation.robustness import curves

    return curves.read(TABLES / "robustness.parquet").to_pylist()


def robustness_figures() -> Any:
    """What `robustness` makes of answers: whole pictures taken as the worse version of the crops.

    Returns:
        Task -> figures, with samples alone and, under "TASK clustered", in groups of five.
    """
    from evaluation.robustness import curves

    figures = {}
    for dataset, task in (("ferplus", "emotion"), ("utkface", "gender"), ("utkface", "age")):
        first, now = (pq.read_table(files[dataset]) for files in (MIEN, UNALIGNED))
        truth, clean, worse = _answers(task, first, now)
        groups = np.array([f"s{i // 5:03d}" for i in range(len(truth))])
        figures[task] = curves.figures(task, truth, worse, clean).to_dict()
        figures[f"{task} clustered"] = curves.figures(task, truth, worse, clean, groups).to_dict()
    return figures


def _answers(task: str, first: pa.Table, now: pa.Table) -> tuple[np.ndarray, ...]:
    """Truth and both tables' answers, of rows with a truth: years, or places among the labels."""
    assert first["sample_id"].equals(now["sample_id"])
    columns = [first[f"{task}_true"]]
    if task == "gender":
        female = [t["gender_p_female"].to_numpy() >= 0.5 for t in (first, now)]
        columns += [pa.array(np.where(f, "female", "male")) for f in female]
    else:
        columns += [first[f"{task}_pred"], now[f"{task}_pred"]]
    has_truth = np.array([v is not None for v in columns[0].to_pylist()])
    if task == "age":
        return tuple(c.to_numpy().astype(np.float64)[has_truth] for c in columns)
    texts = [np.array(c.to_pylist(), object)[has_truth].astype(str) for c in columns]
    labels = np.unique(np.concatenate(texts))
    return tuple(np.searchsorted(labels, t) for t in texts)
