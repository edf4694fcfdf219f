"""What the golden tests ask of the studio's figures; see `adapter`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.golden.adapter import MIEN, UNALIGNED, clustered
from tests.golden.named_values import band_row, class_rows, digest, fields, risk_row


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
            "right emotion": where(correct=True),
            "wrong emotion": where(correct=False),
            "right age": where("age", correct=True),
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
        store, figures = self.store, {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            figures[task] = {
                "all": store.confusion(task, where),
                "under 0.6 set apart": store.confusion(task, where, 0.6),
                "by model": store.confusions(task, self.where(task=task), "model"),
                **{f"by {name}": store.confusions(task, where, name) for name in store.groups},
            }
        return figures

    def samples(self) -> Any:
        """The first rows in each order, a later page, and rows as a table of the contract."""
        from evaluation.store import sample_table

        where, pages = self.where(models=(self.a,), datasets=("utkface",)), {}
        for order in ("row", "id", "confidence", "-confidence", "error", "-error"):
            for task in ("emotion", "gender"):
                page = self.store.samples(where.but(task=task), order, limit=4)
                pages[f"{order}, {task}"] = page.to_pylist()
        pages["later"] = self.store.samples(where, "id", limit=2, offset=1000).to_pylist()
        for task in ("emotion", "gender"):
            table = sample_table.table(
                self.store, task, self.where(task=task, models=(self.a,)), 10_000
            )
            pages[f"part, {task}"] = {"rows": len(table), "first": table.slice(0, 2).to_pylist()}
        return pages

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

        figures: dict[str, Any] = {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            figures[task] = {
                "per_class": class_rows(per_class(self.store, task, where)),
                "curves": [],
            }
            for label in self.store.labels(task):
                curve = class_curve(self.store, task, where, label)
                if curve is not None:
                    row = {
                        "label": curve.label,
                        "n": curve.n,
                        "others": curve.others,
                        "auroc": curve.auroc,
                        "ap": curve.ap,
                        "roc": [digest(v) for v in curve.roc],
                        "pr": [digest(v) for v in curve.pr],
                    }
                    figures[task]["curves"].append(row)
        return figures

    def confidence(self) -> Any:
        """Calibration, bands, risk and coverage, temperature, and the stated age intervals."""
        from evaluation.analysis import store_confidence as confidence

        store, figures = self.store, {}
        for task in ("emotion", "gender"):
            where = self.where(task=task, models=(self.a,))
            reliability = confidence.reliability(store, task, where)
            curve = confidence.risk_coverage(store, task, where)
            limit = confidence.own_limit(store, task, [self.a])
            bands = {"usual": confidence.bands(store, task, where)}
            if limit is not None:
                bands["own limit"] = confidence.bands(store, task, where, limit)
            figures[task] = {
                "reliability": reliability.diagram,
                "bin_accuracy": reliability.accuracy,
                "ece": reliability.ece,
                "ece_alone": confidence.ece(store, task, where),
                "own_limit": limit,
                "bands": {name: [band_row(b) for b in parts] for name, parts in bands.items()},
                "risk_coverage": None if curve is None else risk_row(*curve),
                "temperature": confidence.temperature(store, task, where),
            }
        where = self.where(task="age", models=(self.a,))
        figures["age"] = {
            "intervals": confidence.age_intervals(store, where),
            "stretch": fields(confidence.stretch(store, where, 0.8), "factor", "held"),
        }
        return figures

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

        figures = {}
        for task in self.store.tasks:
            groups = StoreGroups(self.store, task, self.where(task=task, models=(self.a,)))
            figures[task] = {
                "total": groups.total,
                "values": groups.values,
                "fairness": fairness(groups, support=30),
                "search": search(groups, support=30, fdr=0.05),
            }
        return figures

    def pairs(self) -> Any:
        """The two models on the same samples."""
        from evaluation.analysis import store_pairs as pairs

        figures = {}
        for task in self.store.tasks:
            where = self.where(task=task)
            kinds = ("",) if task == "age" else ("a", "b", "neither")
            figures[task] = {"compare": pairs.compare(self.store, task, self.b, self.a, where)}
            for kind in kinds:
                n, rows = pairs.disagreements(
                    self.store, task, self.b, self.a, where, kind, limit=5
                )
                name = f"disagreements {kind}".strip()
                figures[task][name] = {"n": n, "rows": rows.to_pylist()}
        return figures

    def navigation(self) -> Any:
        """Previous and next sample, search by name, and the most similar samples."""
        from evaluation.store import navigation as around

        store, where, answers = self.store, self.where(models=(self.a,)), {}
        ids = store.samples(where, "id", limit=3, offset=500)["sample_id"].to_pylist()
        for order in ("row", "confidence", "-confidence", "error", "-error"):
            answers[f"place by {order}"] = [
                around.place(store, where, name, order=order) for name in [*ids, "nobody"]
            ]
        answers["search"] = {text: around.search(store, where, text, 5) for text in ("12", ids[0])}
        near = around.nearest(store, self.a, ids[0], k=5)
        neighbours = near.to_pylist() if near.num_columns else []
        answers["nearest"] = [
            {"sample_id": row["sample_id"], "cosine": round(row["cosine"], 5)} for row in neighbours
        ]
        return answers


@cache
def studio(kind: str) -> Studio:
    """The data layer on the shipped tables ("shipped") or on those of `clustered` ("clustered")."""
    shipped = [*MIEN.values(), *UNALIGNED.values()]
    return Studio(shipped if kind == "shipped" else list(clustered().values()))
