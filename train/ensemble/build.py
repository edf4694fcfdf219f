"""Build an ensemble: copy the members, fit weights on validation, measure, write the folder."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from core import progress, registry
from core.artifacts import bundle
from core.artifacts.bundle import CARD_FILE
from core.artifacts.ensemble_config import FILE, EnsembleConfig, EnsembleMember
from core.ensemble import Ensemble
from core.errors import DataError, UserError
from core.files import scratch_folder
from train.ensemble import report
from train.ensemble.figures import EnsembleFigures, measure
from train.ensemble.member_predictions import MemberPredictions, labels_of, predict_members
from train.ensemble.report import EnsembleResult
from train.ensemble.weights import TaskWeights, fit_weights
from train.export.calibrate import has_label
from train.export.thresholds import fit_thresholds

WITHOUT_FLIP_FILE = "without-flip.json"
MAX_NAME_LENGTH = 40


def build(
    models: Sequence[Path],
    folders: Mapping[str, str],
    out: Path,
    name: str,
    flip: bool = False,
    labels: Mapping[str, str] | None = None,
    datasets: Sequence[str] | None = None,
    limit: int | None = None,
    *,
    is_trusted: bool = False,
) -> EnsembleResult:
    """Write the folder `out`: copies of the models, ensemble.json and card.md.

    Args:
        models: bundles, their files or folders.
        folders: data set -> folder.
        out: new, empty, or an ensemble's.
        name: of the ensemble.
        flip: flip averaging in every member.
        labels: task -> name of a label space; the smallest of the members' by default.
        datasets: to fit and measure on; those that the models' cards name by default.
        limit: samples of each data set; None for all.
        is_trusted: take models with operators or sizes that are not allowed, too.

    Raises:
        UserError: a model is given twice, `out` holds something else, or no data set is known.
        ModelError, DataError: a model or data set that cannot be used, or that has no label of any
            of the models' tasks.
    """
    if out.exists() and not (out / FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"Expected --out to be a new or empty folder, or an ensemble's, got {out}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(out) as scratch:
        folder = scratch / "new"
        draft = EnsembleConfig(
            name, tuple(_copy_models(models, folder, flip, is_trusted)), dict(labels or {})
        )
        (folder / FILE).write_text(draft.to_json(), encoding="utf-8")
        equal = Ensemble(folder, is_trusted=is_trusted)
        without_flip = _without_flip(draft, folder, is_trusted) if flip else equal
        predictions = [
            predict_members(equal, without_flip, dataset, folders, limit)
            for dataset in datasets or _datasets_of(equal)
        ]
        weights = _weights(equal, predictions)
        with progress.task("measure"):
            figures = [
                measure(equal, name, weights, of_data_set, rows)
                for of_data_set, rows in _with_rows(predictions)
            ]
        final = _measured(draft, equal, weights, figures)
        (folder / FILE).write_text(final.to_json(), encoding="utf-8")
        ensemble = Ensemble(folder, is_trusted=is_trusted)
        gains = [gain for f in figures for gain in f.gains]
        (folder / CARD_FILE).write_text(report.card(ensemble, gains), encoding="utf-8")
        _move(folder, out)
    members = [
        {key: m[key] for key in ("name", "model", "sha256", "flip", "weights")}
        for m in ensemble.card.recipe["ensemble"]
    ]
    return EnsembleResult(out, name, members, weights, gains)


def _without_flip(draft: EnsembleConfig, folder: Path, is_trusted: bool) -> Ensemble:
    members = tuple(replace(m, flip=False) for m in draft.members)
    path = folder / WITHOUT_FLIP_FILE
    path.write_text(replace(draft, members=members).to_json(), encoding="utf-8")
    ensemble = Ensemble(path, is_trusted=is_trusted)
    path.unlink()
    return ensemble


def _copy_models(
    models: Sequence[Path], folder: Path, flip: bool, is_trusted: bool
) -> list[EnsembleMember]:
    members: list[EnsembleMember] = []
    for path in models:
        source = bundle.load(path, is_trusted=is_trusted)
        name = re.sub(r"[^\w.-]+", "-", source.card.name).strip(".-")[:MAX_NAME_LENGTH] or "model"
        names = (f"{name}-{i + 1}" if i else name for i in range(len(models)))
        target = next(folder / n for n in names if not (folder / n).exists())
        target.mkdir(parents=True)
        shutil.copyfile(source.path, target / bundle.MODEL_FILE)
        if (card := source.path.parent / CARD_FILE).is_file():
            shutil.copyfile(card, target / card.name)
        digest = hashlib.sha256(source.path.read_bytes()).hexdigest()
        if digest in (m.sha256 for m in members):
            raise UserError(
                f"Expected each model once, got {path} twice; its copy would add nothing."
            )
        members.append(EnsembleMember(target.name, sha256=digest, flip=flip))
    return members


def _datasets_of(ensemble: Ensemble) -> list[str]:
    names = [str(d["name"]) for d in ensemble.card.data if isinstance(d, Mapping) and "name" in d]
    if not names:
        raise UserError(
            "Expected --dataset NAME, as the models' cards name no data; try one of "
            + ", ".join(registry.names("core.data"))
        )
    return list(dict.fromkeys(names))


def _weights(
    ensemble: Ensemble, predictions: Sequence[MemberPredictions]
) -> dict[str, TaskWeights]:
    """Return task -> all members' weights, for the tasks that the data have labels of."""
    fitted = {task: _task_weights(ensemble, task, predictions) for task in ensemble.shares}
    weights = {task: w for task, w in fitted.items() if w}
    if not weights:
        raise DataError(
            f"Expected labels of {', '.join(ensemble.shares)} in the data, got none; try --dataset."
        )
    return weights


def _task_weights(
    ensemble: Ensemble, task: str, predictions: Sequence[MemberPredictions]
) -> TaskWeights | None:
    """Return all members' weights, 0 for those without the task; None without labels."""
    labels = np.concatenate([labels_of(ensemble, task, p.samples) for p in predictions])
    head = ensemble.card.head(task)
    if head is None or not has_label(task, labels).any():
        return None
    having = np.flatnonzero(ensemble.shares[task])
    values = np.stack([np.concatenate([p.members[i][task] for p in predictions]) for i in having])
    with progress.task(f"fit weights of {task}"):
        try:
            fitted = fit_weights(head, values, labels)
        except ValueError as error:
            raise DataError(f"{task}: {error}") from error
    weights = np.zeros(len(ensemble.members))
    weights[having] = fitted.weights
    return replace(fitted, weights=weights)


def _measured(
    draft: EnsembleConfig,
    ensemble: Ensemble,
    weights: Mapping[str, TaskWeights],
    figures: Sequence[EnsembleFigures],
) -> EnsembleConfig:
    """Return the draft with what was fitted and measured; tasks without labels weigh equally."""
    members = tuple(
        replace(
            member,
            weights={
                task: round(float(w.weights[i]), 4)
                for task, w in weights.items()
                if ensemble.members[i].card.head(task)
            },
        )
        for i, member in enumerate(draft.members)
    )
    thresholds, selective_rows = fit_thresholds(
        [f.samples for f in figures], [f.table for f in figures]
    )
    return replace(
        draft,
        members=members,
        calibration={k: v for w in weights.values() for k, v in w.calibration.items()},
        thresholds=thresholds,
        metrics=(*(row for f in figures for row in f.metrics), *selective_rows),
        created=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _with_rows(
    predictions: Sequence[MemberPredictions],
) -> Iterator[tuple[MemberPredictions, slice]]:
    """Yield each data set and its rows among all."""
    start = 0
    for of_data_set in predictions:
        stop = start + len(of_data_set.samples)
        yield of_data_set, slice(start, stop)
        start = stop


def _move(folder: Path, out: Path) -> None:
    """Move all files to `out`, in place of those of the same name; `ensemble.json` last."""
    out.mkdir(exist_ok=True)
    (out / FILE).unlink(missing_ok=True)
    for new in sorted(folder.iterdir(), key=lambda p: p.name == FILE):
        old = out / new.name
        if old.is_dir():
            shutil.rmtree(old)
        new.replace(old)
