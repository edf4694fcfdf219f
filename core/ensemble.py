"""Several models that predict as one.

Each member crops the face for itself, is calibrated by its own card at the operating point
`accuracy`, and gives probabilities; those are averaged with the members' weights, for each task
over the members that have it and a weight above 0. Emotions in different label spaces are first
mapped to the smallest of them, or to the one that the file declares; a class without a counterpart
there raises. Ages are averaged bin by bin, so that the value is the weighted mean of the members'
and the interval that of the mixture; where a member has none (a regression), both are weighted
means. Perceived gender that one member would not give is not given.

A calibration in `ensemble.json` comes last. Classes and distributions: a temperature T, p ** (1 /
T) normalised, since averages of calibrated probabilities are underconfident; ages without a
distribution: the half width of the interval, years. Then the factors of `core.age_intervals`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from core.artifacts import bundle
from core.artifacts.card import DEFAULT_VERSION, Card, Head
from core.artifacts.ensemble_config import FILE, member_path, read
from core.artifacts.operating_point import ACCURACY, TASKS
from core.calibration import TINY, apply_temperature, estimate_age
from core.errors import ModelError
from core.labels import FERPLUS8, GENDER2, SPACES, LabelSpace, collapse
from core.predictor import FaceModel, Predictor
from core.preprocess import InputSpec

Values = dict[str, np.ndarray]
"""Task -> calibrated values of N faces, (N, width)."""


class Ensemble(FaceModel):
    """The models of an `ensemble.json`, opened.

    Attributes:
        config: the content of the file.
        members: one predictor for each in the file.
        shares: task -> weights of all members (M,), sum 1.
    """

    def __init__(
        self,
        path: str | Path,
        threads: int = 1,
        *,
        operating_point: str | None = None,
        is_trusted: bool = False,
    ) -> None:
        self.path: Path = Path(path) / FILE if Path(path).is_dir() else Path(path)
        self.threads, self.is_trusted = threads, is_trusted
        self.config = read(self.path)
        self.members = self._open_members(threads, is_trusted)
        self.shares = {task: shares for task in TASKS if (shares := self._shares_in(task)).any()}
        if not self.shares:
            raise ModelError(f"Expected a weight above 0 for a task of its model in {self.path}.")
        self.has_embedding = all(m.has_embedding for m in self.members)
        self._spaces = {task: self._space(task) for task in self.shares if task != "age"}
        self._by_bin = all(head.kind == "distribution" for head in self._heads("age"))
        self._views = view_indices([m.card.input for m in self.members])
        self.views: tuple[InputSpec, ...] = tuple(
            self.members[self._views.index(i)].card.input for i in range(max(self._views) + 1)
        )
        self.card: Card = self._card().at(operating_point)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `ensemble.json` and of all members."""
        parts = [self.path.read_bytes(), *(m.fingerprint.encode() for m in self.members)]
        return hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all models on disk."""
        return sum({m.path: m.size for m in self.members}.values())

    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> Values:
        """Return averaged and calibrated values by task.

        Args:
            crops: of `crops` or `pack` (N, ...).
            embedding: return the members' embeddings side by side too, (N, sum of features), each
                of length 1 times the root of its weight, so that the cosine of two faces is the
                weighted mean of the members'.

        Returns:
            Values as a predictor's; ages without a distribution are (N, 3), the value and the ends
            of its interval.

        Raises:
            ModelError: an embedding is wanted and a member has none.
        """
        if embedding and not self.has_embedding:
            raise ModelError(
                f"Expected members with an `embedding` output, got {self.path}; export them with "
                "`python -m train export`."
            )
        by_member = self.each(crops, embedding)
        return self.average(by_member) | (
            {"embedding": self._embedding(by_member)} if embedding else {}
        )

    def each(self, crops: np.ndarray, embedding: bool = False) -> list[Values]:
        """Return every member's values, in the ensemble's label spaces and kinds.

        Tasks in which a member has no weight are left out of its values. The arguments are those
        of `probabilities`.
        """
        return [
            self._member_values(i, self.view(crops, v), embedding)
            for i, v in enumerate(self._views)
        ]

    def average(
        self,
        by_member: Sequence[Mapping[str, np.ndarray]],
        shares: Mapping[str, np.ndarray] | None = None,
    ) -> Values:
        """Return the values of `each` as one prediction.

        Args:
            by_member: values of each member by task.
            shares: task -> weights of all members (M,), sum 1 (default: the file's).
        """
        values = {}
        for task, weights in (shares or self.shares).items():
            p = sum(w * one[task] for w, one in zip(weights, by_member, strict=True) if w > 0)
            values[task] = self._calibrated(task, np.asarray(p))
        return values

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return expected years and the ends of their interval, each (N,)."""
        if self._by_bin:
            return estimate_age(p, "distribution", self.card.calibration)
        return p[:, 0], p[:, 1], p[:, 2]

    def _open_members(self, threads: int, is_trusted: bool) -> tuple[Predictor, ...]:
        """Open each file once, against all digests that the members state for it."""
        paths = [member_path(self.path.parent, m.model) for m in self.config.members]
        if (size := sum(p.stat().st_size for p in set(paths))) > bundle.MAX_BYTES:
            raise ModelError(
                f"Expected models of at most {bundle.MAX_BYTES} bytes together, got {size}: "
                f"{self.path}."
            )
        digests: dict[Path, set[str]] = {path: set() for path in paths}
        for member, path in zip(self.config.members, paths, strict=True):
            digests[path] |= {member.sha256} - {""}
        opened = {
            path: Predictor(
                path, threads, digests[path], operating_point=ACCURACY, is_trusted=is_trusted
            )
            for path in digests
        }
        return tuple(opened[path] for path in paths)

    def _shares_in(self, task: str) -> np.ndarray:
        """Return the weights of all members in a task (M,), sum 1; zeros where no member has it."""
        members = zip(self.config.members, self.members, strict=True)
        weights = np.array([m.share(task) if p.card.head(task) else 0.0 for m, p in members])
        shares: np.ndarray = weights / max(weights.sum(), TINY)
        return shares

    def _weighted(self, task: str) -> list[Predictor]:
        """Return the members with a weight in a task."""
        shares = self.shares.get(task, np.zeros(len(self.members)))
        return [p for p, share in zip(self.members, shares, strict=True) if share > 0]

    def _heads(self, task: str) -> list[Head]:
        """Return the heads of the members with a weight in a task."""
        return [head for p in self._weighted(task) if (head := p.card.head(task))]

    def _space(self, task: str) -> LabelSpace | None:
        """Return the classes of the prediction; None where all members have the very same."""
        labels_by_member = [head.labels for head in self._heads(task)]
        declared = self.config.labels.get(task)
        if declared is None and len(set(labels_by_member)) == 1:
            return None
        if declared:
            space = SPACES[declared]
        else:
            smallest = min(labels_by_member, key=len)
            space = LabelSpace("the smallest of the members' spaces", canonical(task, smallest))
        for labels in labels_by_member:
            member_space = LabelSpace("a member", canonical(task, labels))
            for label in space.labels:
                member_space.index(label)  # raises where the member lacks the class
        return space

    def _card(self) -> Card:
        """Return the members' cards together: all training data, recipes and licences."""
        cards = [p.card for p in self.members]
        members = [
            {
                **asdict(member),
                "weights": {t: round(float(w[i]), 6) for t, w in self.shares.items()},
                "sha256": predictor.fingerprint,
                "name": predictor.card.name,
                "version": predictor.card.version,
                "recipe": dict(predictor.card.recipe),
            }
            for i, (member, predictor) in enumerate(
                zip(self.config.members, self.members, strict=True)
            )
        ]
        data = {json.dumps(row, sort_keys=True): row for card in cards for row in card.data}
        card = Card(
            name=self.config.name,
            version=DEFAULT_VERSION,
            input=self.views[0],
            heads=tuple(self._head(task) for task in self.shares),
            calibration=self.config.calibration,
            thresholds=self.config.thresholds,
            gender_from_age=max(c.gender_from_age for c in cards),
            recipe={"ensemble": members},
            data=tuple(data.values()),
            metrics=self.config.metrics,
            licence=" ".join(dict.fromkeys(c.licence for c in cards if c.licence)),
            created=self.config.created,
            precision="int8" if all(c.precision == "int8" for c in cards) else "fp32",
        )
        return Card.from_json(card.to_json())  # its JSON too stays within a card's limits

    def _head(self, task: str) -> Head:
        heads = self._heads(task)
        if task != "age":
            space = self._spaces[task]
            return Head(task, "softmax", space.labels if space else heads[0].labels, task)
        if self._by_bin:
            return Head(task, "distribution", max((h.labels for h in heads), key=len), task)
        return Head(task, "regression", (), task)

    def _calibrated(self, task: str, p: np.ndarray) -> np.ndarray:
        temperature = self.config.calibration.get(task)
        if task != "age" or self._by_bin:
            return apply_temperature(p, temperature or 1.0)
        if temperature is None:
            return p
        return np.stack(estimate_age(p, "regression", self.config.calibration), axis=1)

    def _member_values(self, i: int, crops: np.ndarray, embedding: bool) -> Values:
        """Return one member's values of crops (N, S, S, C), and its embedding."""
        model, member, n = self.members[i], self.config.members[i], len(crops)
        tasks = [task for task, shares in self.shares.items() if shares[i] > 0]
        if not (embedding or tasks):
            return {}
        if member.flip:
            both = model.probabilities(np.concatenate([crops, crops[:, :, ::-1]]), embedding)
            values = {task: (p[:n] + p[n:]) / 2 for task, p in both.items()}
        else:
            values = model.probabilities(crops, embedding)
        mapped = {task: self._mapped(task, model, values[task]) for task in tasks}
        return mapped | ({"embedding": values["embedding"]} if embedding else {})

    def _mapped(self, task: str, model: Predictor, p: np.ndarray) -> np.ndarray:
        """Return a member's values (N, width) in the ensemble's space."""
        if task != "age":
            space, head = self._spaces[task], model.card.head(task)
            if space is None or head is None:
                return p
            # No probability is quite 0, so that something is left also of a face that is all
            # contempt.
            member_space = LabelSpace(model.card.name, canonical(task, head.labels))
            return collapse(np.maximum(p, TINY), member_space, space)
        if not self._by_bin:
            return np.stack(model.ages(p), axis=1)
        bins = max(len(head.labels) for head in self._heads("age"))
        return np.pad(p, ((0, 0), (0, bins - p.shape[1])))

    def _embedding(self, by_member: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
        weights = np.mean(list(self.shares.values()), axis=0)
        parts = []
        for weight, values in zip(weights, by_member, strict=True):
            length = np.linalg.norm(values["embedding"], axis=1, keepdims=True)
            parts.append(weight**0.5 * values["embedding"] / np.maximum(length, 1e-6))
        return np.concatenate(parts, axis=1).astype(np.float32)


def view_indices(specs: Sequence[InputSpec]) -> list[int]:
    """Return which crop each model takes; those that differ in normalisation alone share one."""
    raw = [replace(spec, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels) for spec in specs]
    views = list(dict.fromkeys(raw))
    return [views.index(spec) for spec in raw]


def canonical(task: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Return class names as `core.labels` spells them.

    Raises:
        DataError: a name that no space has.
    """
    space = GENDER2 if task == "gender" else FERPLUS8
    return tuple(space.labels[space.index(label)] for label in labels)
