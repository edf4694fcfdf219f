"""ensemble: several bundles as one model: weighed on validation, never on held-out data, measured
there by cross-fitting, and written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core import progress, registry
from core.artifacts import bundle
from core.artifacts.ensemble_config import FILE, EnsembleConfig, EnsembleMember
from core.data import Samples, manifest
from core.data.base.crop_cache import UNREADABLE, prepare
from core.ensemble import Ensemble, Values, canonical
from core.errors import DataError, UserError
from core.faces import Detector, best_detector
from core.labels import FERPLUS8, GENDER2
from train.ensemble import report as page
from train.ensemble.weights import Weighed, weigh
from train.export.calibrate import known
from train.recipe.arguments import data_folders

CHUNK = 256
SPLIT = "val"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One data set's samples, and what each member says of them, in the ensemble's spaces: as a
    member, and alone, which is without mirroring.
    """

    samples: Samples
    members: list[Values]
    alone: list[Values]


def run(argv: list[str], prog: str) -> int:
    """`python -m train ensemble A B [C] --data DIR --out DIR`."""
    parser = argparse.ArgumentParser(
        prog,
        description="Make several models answer as one, each weighed on validation data, and measure what that brings.",
        epilog="The folder it writes holds copies of the models and ensemble.json; it goes wherever a model goes, such as "
        "`python -m evaluation predict --model OUT` or `python -m apps.webcam --model OUT`.",
    )
    parser.add_argument(
        "models",
        nargs="+",
        type=Path,
        metavar="MODEL",
        help="bundles: model files or their folders",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder of the data sets, a manifest, or a JSON file of either",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--dataset",
        action="append",
        help="may be given again (default: those that the models' cards name)",
    )
    parser.add_argument("--name", help="the ensemble's name (default: that of the output folder)")
    parser.add_argument(
        "--flip",
        action="store_true",
        help="every member also looks at the mirrored face: twice the time",
    )
    parser.add_argument(
        "--labels",
        metavar="SPACE",
        help="emotions of the answer, such as FER7 (default: the smallest of the members')",
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="N samples of each data set, spread over it, for a try",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    labels = {"emotion": args.labels} if args.labels else {}
    found = make(
        args.models,
        data_folders(args.data),
        args.out,
        args.name or args.out.name,
        args.flip,
        labels,
        args.dataset,
        args.limit,
    )
    if args.json:
        print(json.dumps(found, allow_nan=False))
    else:
        page.show(found)
    return 0


def make(
    models: Sequence[Path],
    folders: Mapping[str, str],
    out: Path,
    name: str,
    flip: bool = False,
    labels: Mapping[str, str] | None = None,
    datasets: Sequence[str] | None = None,
    limit: int | None = None,
) -> Row:
    """Writes the folder `out` and returns what `--json` prints.

    Raises:
        UserError: a model is given twice, `out` holds something else, or no data set is known.
        ModelError, DataError: a model or data set that cannot be used, or that knows no truth of
        any of the models' tasks.
    """
    if out.exists() and not (out / FILE).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"Expected --out to be a new or empty folder, or an ensemble's, got {out}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch) / "new"
        draft = EnsembleConfig(name, tuple(_copied(models, folder, flip)), labels or {})
        (folder / FILE).write_text(draft.to_json(), encoding="utf-8")
        even = plain = Ensemble(folder)
        if flip:
            unmirrored = replace(
                draft, members=tuple(replace(m, flip=False) for m in draft.members)
            )
            (folder / "plain.json").write_text(unmirrored.to_json(), encoding="utf-8")
            plain = Ensemble(folder / "plain.json")
            plain.path.unlink()
        said = [_asked(even, plain, s, folders, limit) for s in datasets or _named(even)]
        weighed = {task: w for task in even.shares if (w := _weighed(even, task, said))}
        if not weighed:
            raise DataError(
                f"Expected truths of {', '.join(even.shares)} in the data, got none; try --dataset."
            )
        calibration = {
            name: value for w in weighed.values() for name, value in w.calibration.items()
        }
        final = replace(
            draft, members=_with_weights(draft.members, even, weighed), calibration=calibration
        )
        with progress.task("measure"):
            measured = [
                page.measure(even, name, weighed, one.samples, one.members, one.alone, at)
                for one, at in _places(said)
            ]
        thresholds, given = page.limits([one.table for one in measured])
        metrics = (*(row for one in measured for row in one.metrics), *given)
        final = replace(
            final,
            thresholds=thresholds,
            metrics=metrics,
            created=datetime.now(UTC).strftime("%Y-%m-%d"),
        )
        (folder / FILE).write_text(final.to_json(), encoding="utf-8")
        whole = Ensemble(folder)
        rows = [row for one in measured for row in one.rows]
        (folder / page.CARD).write_text(page.card(whole, rows), encoding="utf-8")
        _move(folder, out)
    tasks = {
        task: {
            "fitted": w.fitted,
            "gain": dict(zip(("value", "low", "high"), w.gain, strict=True)),
            "calibration": w.calibration,
        }
        for task, w in weighed.items()
    }
    members = [
        {k: m[k] for k in ("name", "model", "sha256", "flip", "weights")}
        for m in whole.card.recipe["ensemble"]
    ]
    return {
        "out": str(out),
        "name": name,
        "members": members,
        "tasks": tasks,
        "figures": plain(rows),
    }


def _copied(models: Sequence[Path], folder: Path, flip: bool) -> list[EnsembleMember]:
    members: list[EnsembleMember] = []
    for path in models:
        opened = bundle.load(path)
        slug = re.sub(r"[^\w.-]+", "-", opened.card.name).strip(".-")[:40] or "model"
        model = next(
            n
            for i in range(len(models))
            if not (folder / (n := f"{slug}-{i + 1}" if i else slug)).exists()
        )
        (folder / model).mkdir(parents=True)
        shutil.copyfile(opened.path, folder / model / bundle.MODEL_FILE)
        if (about := opened.path.parent / page.CARD).is_file():
            shutil.copyfile(about, folder / model / about.name)
        digest = hashlib.sha256(opened.path.read_bytes()).hexdigest()
        if digest in (m.sha256 for m in members):
            raise UserError(
                f"Expected each model once, got {path} twice; its copy would say nothing new."
            )
        members.append(EnsembleMember(model, sha256=digest, flip=flip))
    return members


def _named(ensemble: Ensemble) -> list[str]:
    known = list(
        dict.fromkeys(
            str(d["name"]) for d in ensemble.card.data if isinstance(d, Mapping) and "name" in d
        )
    )
    if not known:
        raise UserError(
            "Expected --dataset NAME, as the models' cards name no data; try one of "
            + ", ".join(registry.names("core.data"))
        )
    return known


def _asked(
    ensemble: Ensemble, plain: Ensemble, name: str, folders: Mapping[str, str], limit: int | None
) -> Said:
    """What all members say of a data set's validation part; unreadable files are gone. plain: the
    same members without mirroring.
    """
    module = registry.load("core.data", name)
    folder = folders.get(
        name, folders.get("*", "." if getattr(module, "GENERATED", False) else None)
    )
    if folder is None:
        raise DataError(f"Expected a folder for {name} in --data, got only {sorted(folders)}.")
    with progress.task(f"load {name} {SPLIT}"):
        samples = (
            replace(manifest.load(folder, SPLIT), name=name)
            if manifest.named(folder)
            else module.load(folder, SPLIT)
        )
    samples = samples.spread(limit)
    detector, _ = best_detector()
    crops, readable = _crops(ensemble, samples, detector)
    samples = samples.take(readable)
    if not len(samples):
        raise DataError(
            f"Expected pictures in the {SPLIT} part of {name} that can be read, got none."
        )
    models = [ensemble] if plain is ensemble else [ensemble, plain]
    parts: list[list[list[Values]]] = []  # by chunk, by model, by member
    with progress.task(f"ask {len(ensemble.members)} models about {name}", len(samples)) as advance:
        for start in range(0, len(readable), CHUNK):
            at = readable[start : start + CHUNK]
            packed = ensemble.pack([c[at] for c in crops])
            parts.append([m.each(packed) for m in models])
            advance(start + len(at))
    members = range(len(ensemble.members))
    joined = [
        [{t: np.concatenate([p[m][i][t] for p in parts]) for t in parts[0][m][i]} for i in members]
        for m in range(len(models))
    ]
    return Said(samples, joined[0], joined[-1])


def _crops(
    ensemble: Ensemble, samples: Samples, detector: Detector
) -> tuple[list[np.ndarray], np.ndarray]:
    """Crops (N, S, S, C) for each of the ensemble's views, from the cache or made now, and the
    places of files that can be read.
    """
    made = []
    for view in ensemble.views:
        with progress.task(f"align {samples.name} {SPLIT}", len(samples)) as advance:
            made.append(prepare(samples, detector, view, progress=advance))
    return [m.crops for m in made], np.flatnonzero(
        np.all([m.found != UNREADABLE for m in made], axis=0)
    )


def _truth(ensemble: Ensemble, task: str, samples: Samples) -> np.ndarray:
    """Classes of the ensemble's head (N,), -1 where unknown or none of them; years, NaN where
    unknown.
    """
    if task == "age":
        return samples.age
    head = ensemble.card.head(task)
    theirs, codes = (
        (FERPLUS8.labels, samples.emotion)
        if task == "emotion"
        else (GENDER2.labels, samples.gender)
    )
    labels = canonical(task, head.labels) if head else ()
    return np.array([*(labels.index(x) if x in labels else -1 for x in theirs), -1])[
        codes
    ]  # the last place is for -1


def _weighed(ensemble: Ensemble, task: str, said: Sequence[Said]) -> Weighed | None:
    """The weights of the members that have the task; None where no data set knows the truth."""
    truth = np.concatenate([_truth(ensemble, task, one.samples) for one in said])
    if not known(task, truth).any():
        return None
    head, having = ensemble.card.head(task), np.flatnonzero(ensemble.shares[task])
    assert head is not None
    values = np.stack([np.concatenate([one.members[i][task] for one in said]) for i in having])
    with progress.task(f"weigh {task}"):
        try:
            found = weigh(head, values, truth)
        except ValueError as error:
            raise DataError(f"{task}: {error}") from error
    weights = np.zeros(len(ensemble.members))
    weights[having] = found.weights
    return replace(found, weights=weights)


def _with_weights(
    members: Sequence[EnsembleMember], ensemble: Ensemble, weighed: Mapping[str, Weighed]
) -> tuple[EnsembleMember, ...]:
    """Tasks without truth keep equal weights."""
    return tuple(
        replace(
            m,
            weights={
                t: round(float(w.weights[i]), 4)
                for t, w in weighed.items()
                if ensemble.members[i].card.head(t)
            },
        )
        for i, m in enumerate(members)
    )


def _places(said: Sequence[Said]) -> Iterator[tuple[Said, slice]]:
    """Each data set and its rows among all."""
    start = 0
    for one in said:
        yield one, slice(start, start + len(one.samples))
        start += len(one.samples)


def _move(folder: Path, out: Path) -> None:
    """Everything in `folder` to `out`, in place of what has the same name there; `ensemble.json`
    last.
    """
    out.mkdir(exist_ok=True)
    (out / FILE).unlink(missing_ok=True)
    for new in sorted(folder.iterdir(), key=lambda p: p.name == FILE):
        old = out / new.name
        if old.is_dir():
            shutil.rmtree(old)
        new.replace(old)
