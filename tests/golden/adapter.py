"""The only module of the golden tests that knows the product's modules, functions and fields.

Where a module moves or a function is renamed, change this file and nothing else: what its functions
return has to stay the same. Product modules are imported inside the functions, so that a broken
import fails the golden that needs it and no other.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "assets" / "sample"
MODEL = ROOT / "assets" / "models" / "mien" / "model.onnx"
CARD_KEY = "mien.card"
MIEN = {name: SAMPLE / f"mien-{name}-val.parquet" for name in ("ferplus", "utkface")}
WHOLE = {name: SAMPLE / f"mien-whole-{name}-val.parquet" for name in ("ferplus", "utkface")}
"""Predictions of the shipped model: on aligned crops, and on whole pictures without landmarks."""


# --- the command line -----------------------------------------------------------------------------


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


# --- prediction tables with clusters and embeddings -----------------------------------------------


@cache
def clustered() -> dict[str, Path]:
    """Tables made of the shipped ones, in a temporary folder that lasts as long as the process.

    Every third row, with a made-up subject for each five rows in a row (`group_subject`), so that
    all intervals are clustered, and with an embedding: the logarithms of the emotion probabilities.

    Returns:
        "mien-ferplus", "whole-ferplus", "mien-utkface", "whole-utkface" -> file.
    """
    folder = Path(_kept().name)
    made = {}
    for model, files in (("mien", MIEN), ("whole", WHOLE)):
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
            made[f"{model}-{dataset}"] = folder / f"{model}-{dataset}.parquet"
            pq.write_table(table, made[f"{model}-{dataset}"])
    return made


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="golden-")


# --- audit of a small drawn data set -------------------------------------------------------------

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


# --- robustness -----------------------------------------------------------------------------------


def robustness_table() -> Any:
    """The shipped robustness table, as the studio reads it: a row per kind, severity and task."""
    from evaluation.robustness import curves

    return curves.read(SAMPLE / "robustness.parquet").to_pylist()


def robustness_figures() -> Any:
    """What `robustness` makes of answers: whole pictures taken as the worse version of the crops.

    Returns:
        Task -> figures, with samples alone and, under "TASK clustered", in groups of five.
    """
    from evaluation.robustness import curves

    made = {}
    for dataset, task in (("ferplus", "emotion"), ("utkface", "gender"), ("utkface", "age")):
        first, now = (pq.read_table(files[dataset]) for files in (MIEN, WHOLE))
        truth, clean, worse = _answers(task, first, now)
        groups = np.array([f"s{i // 5:03d}" for i in range(len(truth))])
        made[task] = curves.figures(task, truth, worse, clean).to_dict()
        made[f"{task} clustered"] = curves.figures(task, truth, worse, clean, groups).to_dict()
    return made


def _answers(task: str, first: pa.Table, now: pa.Table) -> tuple[np.ndarray, ...]:
    """Truth and both tables' answers, of rows with a truth: years, or places among the labels."""
    assert first["sample_id"].equals(now["sample_id"])
    columns = [first[f"{task}_true"]]
    if task == "gender":
        female = [t["gender_p_female"].to_numpy() >= 0.5 for t in (first, now)]
        columns += [pa.array(np.where(f, "female", "male")) for f in female]
    else:
        columns += [first[f"{task}_pred"], now[f"{task}_pred"]]
    known = np.array([v is not None for v in columns[0].to_pylist()])
    if task == "age":
        return tuple(c.to_numpy().astype(np.float64)[known] for c in columns)
    texts = [np.array(c.to_pylist(), object)[known].astype(str) for c in columns]
    labels = np.unique(np.concatenate(texts))
    return tuple(np.searchsorted(labels, t) for t in texts)


# --- the studio's data layer ----------------------------------------------------------------------


class Studio:
    """The public functions of the studio's data layer on opened tables, as plain values.

    Every method is one golden (see `goldens.py`). What looks like an interval but is none, such as
    a range of confidence, gets other names than `low` and `high` here.
    """

    def __init__(self, files: list[Path]) -> None:
        from evaluation.store import Store, Where

        self.store, self.where = Store.open(files), Where
        self.a, self.b = sorted(self.store.models)
        """Names of the two models: `mien`, and `mien, no landmarks`."""

    def _parts(self, task: str) -> Iterator[tuple[str, Any]]:
        """(name, condition) of each model on each data set."""
        for model in self.store.models:
            for dataset in self.store.datasets:
                where = self.where(task=task, models=(model,), datasets=(dataset,))
                yield f"{model} on {dataset}", where

    def overview(self) -> Any:
        """What was opened: names, tasks, groups, labels, counts, and how intervals are made."""
        from evaluation.store import counts as store_counts

        store, every = self.store, self.where()
        return {
            "rows": store.rows,
            "models": store.models,
            "datasets": store.datasets,
            "splits": store.splits,
            "tasks": store.tasks,
            "groups": store.groups,
            "columns": sorted(store.columns),
            "cluster": store.cluster,
            "notes": store.notes,
            "sources": [
                {"file": s.path.name, "rows": s.rows, "models": s.models, "tasks": s.tasks}
                for s in store.sources
            ],
            "labels": {task: store.labels(task) for task in ("emotion", "gender")},
            "counts": {
                "model, dataset": store.counts(["model", "dataset"], every),
                **{name: store.counts([name], every) for name in store.groups},
            },
            "method": {"drawn": store_counts.method(store), "summed": store_counts.method(store)},
        }

    def filters(self) -> Any:
        """Rows that pass each of several conditions."""
        where, group = self.where, next(iter(self.store.groups))
        first, last = self.store.groups[group][0], self.store.groups[group][-1]
        first_id = self.store.samples(where(), limit=1)["sample_id"][0].as_py()
        conditions = {
            "all": where(),
            "one model": where(models=(self.a,)),
            "two models": where(models=(self.a, self.b)),
            "unknown model": where(models=("nobody",)),
            "one data set": where(datasets=("utkface",)),
            "one split": where(splits=("val",)),
            "sad": where(true=("sadness",)),
            "sad read as neutral": where(true=("sadness",), pred=("neutral",)),
            "sad or afraid": where(true=("sadness", "fear")),
            "female read as male": where("gender", true=("female",), pred=("male",)),
            "unsure emotion": where(confidence=(0.0, 0.5)),
            "sure gender": where("gender", confidence=(0.9, 1.0)),
            "right emotion": where(right=True),
            "wrong emotion": where(right=False),
            "right age": where("age", right=True),
            "no face found": where(face=False),
            "by name": where(text="12"),
            "by id": where(ids=(first_id,)),
            "group": where().group(group, first),
            "two of a group": where().group(group, first, last),
            "group taken back": where().group(group, first).group(group),
            "changed": where(models=(self.a,)).but(models=self.b, true="anger"),
        }
        return {name: self.store.count(c) for name, c in conditions.items()}

    def confusion(self) -> Any:
        """Confusion matrices: rows true, columns predicted."""
        store, made = self.store, {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            made[task] = {
                "all": store.confusion(task, where),
                "under 0.6 set apart": store.confusion(task, where, 0.6),
                "by model": store.confusions(task, self.where(task=task), "model"),
                **{f"by {name}": store.confusions(task, where, name) for name in store.groups},
            }
        return made

    def samples(self) -> Any:
        """The first rows in each order, a later page, and rows as a table of the contract."""
        from evaluation.store import sample_table

        where, made = self.where(models=(self.a,), datasets=("utkface",)), {}
        for order in ("row", "id", "confidence", "-confidence", "error", "-error"):
            for task in ("emotion", "gender"):
                page = self.store.samples(where.but(task=task), order, limit=4)
                made[f"{order}, {task}"] = page.to_pylist()
        made["later"] = self.store.samples(where, "id", limit=2, offset=1000).to_pylist()
        for task in ("emotion", "gender"):
            table = sample_table.table(
                self.store, task, self.where(task=task, models=(self.a,)), 10_000
            )
            made[f"part, {task}"] = {"rows": len(table), "first": table.slice(0, 2).to_pylist()}
        return made

    def summary(self) -> Any:
        """Headline figures of each model on each data set."""
        from evaluation.analysis.store_summary import summary

        summaries = {name: summary(self.store, where) for name, where in self._parts("emotion")}
        return {
            name: {
                "model": s.model,
                "dataset": s.dataset,
                "split": s.split,
                "rows": s.rows,
                **s.tasks,
            }
            for name, s in summaries.items()
        }

    def each_class(self) -> Any:
        """Figures of each class, and the areas under its curves."""
        from evaluation.analysis.store_classes import class_curve, per_class

        made: dict[str, Any] = {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            made[task] = {"per_class": _per_class(per_class(self.store, task, where)), "curves": []}
            for label in self.store.labels(task):
                found = class_curve(self.store, task, where, label)
                if found is not None:
                    row = {
                        "label": found.label,
                        "n": found.n,
                        "others": found.others,
                        "auroc": found.auroc,
                        "ap": found.ap,
                        "roc": [_digest(v) for v in found.roc],
                        "pr": [_digest(v) for v in found.pr],
                    }
                    made[task]["curves"].append(row)
        return made

    def confidence(self) -> Any:
        """Calibration, bands, risk and coverage, temperature, and the stated age intervals."""
        from evaluation.analysis import store_confidence as confidence

        store, made = self.store, {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            reliability = confidence.reliability(store, task, where)
            curve = confidence.risk_coverage(store, task, where)
            limit = confidence.own_limit(store, task, [self.a])
            bands = {"usual": confidence.bands(store, task, where)}
            if limit is not None:
                bands["own limit"] = confidence.bands(store, task, where, limit)
            made[task] = {
                "reliability": reliability.diagram,
                "bin_accuracy": reliability.accuracy,
                "ece": reliability.ece,
                "ece_alone": confidence.ece(store, task, where),
                "own_limit": limit,
                "bands": {name: [_band(b) for b in found] for name, found in bands.items()},
                "risk_coverage": None if curve is None else _risk(*curve),
                "temperature": confidence.temperature(store, task, where),
            }
        where = self.where(task="age", models=(self.a,))
        made["age"] = {
            "intervals": confidence.age_intervals(store, where),
            "stretch": _named(confidence.stretch(store, where, 0.8), "factor", "held"),
        }
        return made

    def age_errors(self) -> Any:
        """Age errors by bands and groups, and accuracies by age."""
        from evaluation.analysis import store_ages

        store, where = self.store, self.where(task="age", models=(self.a,))
        matrix, off = store_ages.off_by(store, where, 10)
        return {
            "names": store_ages.band_names(10),
            "by_band": {w: store_ages.by_band(store, where, w) for w in (5, 10)},
            "by_group": {name: store_ages.by_group(store, where, name) for name in store.groups},
            "cumulative": store_ages.cumulative_scores(store, where),
            "matrix": matrix,
            "off_by": off,
            "crossed": store_ages.cross_tasks(store, where),
            "right_by_band": store_ages.accuracy_by_band(store, "gender", where, 10),
            "right_by_group": {
                f"{task} by {name}": store_ages.accuracy_by_group(store, task, where, name)
                for task in ("emotion", "gender")
                for name in store.groups
            },
            "right_whole": {
                task: store_ages.overall_accuracy(store, task, where)
                for task in ("emotion", "gender")
            },
        }

    def by_group(self) -> Any:
        """Gaps between groups, and the slices that the search finds."""
        from evaluation.analysis.by_group.fairness import fairness
        from evaluation.analysis.by_group.slices import search
        from evaluation.analysis.store_groups import StoreGroups

        made = {}
        for task in self.store.tasks:
            groups = StoreGroups(self.store, task, self.where(task=task, models=(self.a,)))
            made[task] = {
                "total": groups.total,
                "values": groups.values,
                "fairness": fairness(groups, support=30),
                "search": search(groups, support=30, fdr=0.05),
            }
        return made

    def pairs(self) -> Any:
        """The two models on the same samples."""
        from evaluation.analysis import store_pairs as pairs

        made = {}
        for task in self.store.tasks:
            where = self.where(task=task)
            kinds = ("",) if task == "age" else ("a", "b", "neither")
            made[task] = {"compare": pairs.compare(self.store, task, self.b, self.a, where)}
            for kind in kinds:
                n, rows = pairs.disagreements(
                    self.store, task, self.b, self.a, where, kind, limit=5
                )
                name = f"disagreements {kind}".strip()
                made[task][name] = {"n": n, "rows": rows.to_pylist()}
        return made

    def navigation(self) -> Any:
        """Previous and next sample, search by name, and the most similar samples."""
        from evaluation.store import navigation as around

        store, where, made = self.store, self.where(models=(self.a,)), {}
        ids = store.samples(where, "id", limit=3, offset=500)["sample_id"].to_pylist()
        for order in ("row", "confidence", "-confidence", "error", "-error"):
            made[f"place by {order}"] = [
                around.place(store, where, name, order=order) for name in [*ids, "nobody"]
            ]
        made["search"] = {text: around.search(store, where, text, 5) for text in ("12", ids[0])}
        near = around.nearest(store, self.a, ids[0], k=5)
        found = near.to_pylist() if near.num_columns else []
        made["nearest"] = [
            {"sample_id": row["sample_id"], "cosine": round(row["cosine"], 5)} for row in found
        ]
        return made


def _digest(values: np.ndarray) -> dict[str, Any]:
    """A long array in short: its length, its mean and nine of its values, evenly spaced."""
    at = np.linspace(0, len(values) - 1, 9).astype(int)
    return {"size": len(values), "mean": float(np.mean(values)), "some": values[at]}


def _per_class(scores: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "n": one.n,
            "called": one.predicted_n,
            "precision": one.precision,
            "recall": one.recall,
            "f1": one.f1,
        }
        for label, one in scores.items()
    ]


def _band(band: Any) -> dict[str, Any]:
    share, accuracy = band.share, band.accuracy
    return {"from": band.low, "below": band.high, "share": share, "accuracy": accuracy}


def _risk(curve: Any, area: Any) -> dict[str, Any]:
    from dataclasses import asdict

    arrays = {name: _digest(np.asarray(values)) for name, values in asdict(curve).items()}
    return {"curve": arrays, "area": area}


def _named(values: tuple[Any, ...] | None, *names: str) -> dict[str, Any] | None:
    return None if values is None else dict(zip(names, values, strict=True))


@cache
def studio(kind: str) -> Studio:
    """The data layer on the shipped tables ("shipped") or on those of `clustered` ("clustered")."""
    shipped = [*MIEN.values(), *WHOLE.values()]
    return Studio(shipped if kind == "shipped" else list(clustered().values()))
