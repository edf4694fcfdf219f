"""How well wrong labels are found: some are planted, seeded, and what
`evaluation.quality.checks.labels` says of them is counted.

    python scripts/plant_labels.py --data DIR [--dataset ferplus] [--share 0.05] [--repeats 3]
    [--train 6000] [--json]

Labels are planted before anything is fitted on them: flipped genders in UTKFace; in FER+ another
emotion in the majority's place (the votes of the two change places, so the votes give nothing
away), `moved` to any other class, and `second`, the hardest case, to the one that came second. Then
each picture is judged by a logistic regression that has seen neither its label nor its duplicates'.

`val` are pictures that the shipped network was not trained on, fitted on themselves alone: the
honest figure. `val, no copies` leaves out those of which train has a copy. `train` are pictures
whose true labels the network was trained on: its embeddings know these, so planted labels are
easier to find there than wrong ones that were there when it was trained; the difference in
agreement with the true labels says how much they know. `hog` is an unrelated feature, gradients of
the picture shrunk to 32x32, that no network has learnt. Wrong labels that the data sets hold anyway
count as false alarms, so precision is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from core.labels import FERPLUS8, GENDER2
from core.progress import say
from evaluation.quality import open_context
from evaluation.quality.checks import labels
from evaluation.quality.duplicates.clusters import near_clusters
from evaluation.quality.features import Features
from evaluation.quality.out_of_fold import out_of_fold

TASKS = {
    "utkface": ("gender", GENDER2, ("flipped",)),
    "ferplus": ("emotion", FERPLUS8, ("moved", "second")),
}
TOP = (50, 100, 200)


def plant(
    given: np.ndarray,
    votes: np.ndarray | None,
    classes: int,
    share: float,
    kind: str,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Labels (N,) and votes (N, K) -> (labels, votes, planted (N,) bool) with `share` of the labels
    wrong.
    """
    planted = np.zeros(len(given), bool)
    planted[rng.choice(len(given), round(share * len(given)), replace=False)] = True
    wrong, moved = given.copy(), None if votes is None else votes.copy()
    for i in np.flatnonzero(planted):
        to = (given[i] + rng.integers(1, classes)) % classes
        if kind == "second" and votes is not None:
            others = votes[i].copy()
            others[given[i]] = 0
            to = int(others.argmax()) if others.max() > 0 else to
        wrong[i] = to
        if moved is not None and votes is not None:
            moved[i, [given[i], to]] = votes[i, [to, given[i]]]
    return wrong, moved, planted


def measure(
    x: np.ndarray,
    true: np.ndarray,
    votes: np.ndarray | None,
    group: np.ndarray,
    counted: np.ndarray,
    args: argparse.Namespace,
    kind: str,
    classes: int,
) -> dict[str, Any]:
    """Means and deviations over the repeats; only samples of `counted` (N,) are counted, all are
    fitted on.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    rows = []
    for repeat in range(args.repeats):
        rng = np.random.default_rng([args.seed, repeat])
        given, shares, planted = plant(true, votes, classes, args.share, kind, rng)
        used, y = np.unique(given, return_inverse=True)
        p = np.zeros((len(given), classes))
        p[:, used] = out_of_fold(x, y, group, seed=args.seed)
        judged = labels.judge(given, p, shares)
        score, hit, flagged = judged.score[counted], planted[counted], judged.wrong[counted]
        best = np.argsort(score, kind="stable")
        row = {
            "auroc": roc_auc_score(hit, -score),
            "average_precision": average_precision_score(hit, -score),
        }
        row |= {f"precision_at_{k}": hit[best[:k]].mean() for k in TOP if k <= len(best)}
        row |= {"precision_at_planted": hit[best[: hit.sum()]].mean()}
        row |= {
            "issues": flagged.sum(),
            "issue_precision": _share(hit[flagged]),
            "issue_recall": _share(flagged[hit]),
        }
        sure = flagged & (judged.sure[counted] >= labels.OPTIONS["sure"])  # type: ignore[operator]
        row |= {"relabels": sure.sum(), "relabel_precision": _share(hit[sure])}
        row |= {"relabel_restores": _share((judged.likely == true)[counted][sure & hit])}
        row |= {
            "agreement_with_true": (judged.likely == true)[counted].mean(),
            "planted": hit.sum(),
            "n": len(hit),
        }
        rows.append(row)
    made = {k: round(float(np.mean([r[k] for r in rows])), 4) for k in rows[0]}
    return made | {"auroc_sd": round(float(np.std([r["auroc"] for r in rows])), 4)}


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else 0.0


def hog(thumbs: np.ndarray) -> np.ndarray:
    """Grey thumbnails uint8 (N, 32, 32) -> histograms of gradients float32 (N, 324) (Dalal and
    Triggs, CVPR 2005).
    """
    made = cv2.HOGDescriptor((32, 32), (16, 16), (8, 8), (8, 8), 9)
    return np.stack([np.asarray(made.compute(t)).ravel() for t in thumbs])


def figures(dataset: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One row for each part, feature and kind of planting."""
    task, space, kinds = TASKS[dataset]
    whole = open_context(dataset, args.data, cache=not args.no_cache)
    say(f"{dataset}: search for copies")
    cluster = near_clusters(whole).cluster
    known = getattr(whole.samples, task) >= 0
    leaked = np.isin(cluster, cluster[whole.split == "train"])
    rng = np.random.default_rng(args.seed)
    for part in ("val", "train"):
        at = np.flatnonzero(known & (whole.split == part))
        if part == "train":
            at = np.sort(rng.permutation(at)[: args.train])
        samples = whole.samples.take(at)
        features = Features(samples, whole.features._folder, args.model)
        true, votes = getattr(samples, task), samples.emotion_votes if task == "emotion" else None
        shown = {part: np.ones(len(at), bool)} | (
            {"val, no copies": ~leaked[at]} if part == "val" else {}
        )
        for name, x in (("embedding", features.embedding), ("hog", hog(features.pixels["thumb"]))):
            for kind in kinds:
                for where, counted in shown.items():
                    if where == part or name == "embedding":
                        found = measure(
                            x, true, votes, cluster[at], counted, args, kind, len(space)
                        )
                        yield {
                            "dataset": dataset,
                            "part": where,
                            "feature": name,
                            "planted_as": kind,
                            **found,
                        }


def tell(row: dict[str, Any]) -> str:
    """A measurement as a line."""
    return (
        f"{row['dataset']} {row['part']}, {row['feature']}, {row['planted_as']}: AUROC {row['auroc']:.3f} (sd {row['auroc_sd']:.3f}), "
        f"average precision {row['average_precision']:.3f}, precision at {row['planted']:.0f}: {row['precision_at_planted']:.3f}, "
        f"{row['issues']:.0f} issues: precision {row['issue_precision']:.3f}, recall {row['issue_recall']:.3f}; "
        f"{row['relabels']:.0f} relabels: precision {row['relabel_precision']:.3f}, {row['relabel_restores']:.3f} of the hits restored; "
        f"agreement with the true labels {row['agreement_with_true']:.3f}, n {row['n']:.0f}"
    )


def main(argv: list[str] | None = None) -> int:
    """Prints one line, or with --json one object, per measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--dataset", action="append", choices=tuple(TASKS), help="default: both")
    parser.add_argument(
        "--share",
        type=float,
        default=0.05,
        help="of labels that are made wrong (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="draws of the planted labels (default: %(default)s)"
    )
    parser.add_argument(
        "--train",
        type=int,
        default=6000,
        metavar="N",
        help="pictures of the train part (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--model", type=Path, help="model for embeddings (default: the shipped one)"
    )
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    rows = []
    for dataset in args.dataset or TASKS:
        for row in figures(dataset, args):
            rows.append(row)
            say(tell(row))
    if args.json:
        print(
            json.dumps(
                {"share": args.share, "repeats": args.repeats, "seed": args.seed, "rows": rows},
                allow_nan=False,
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
