"""Several models that answer as one: `Ensemble` has `Predictor`'s interface, and `open_model` opens
either.

Each member crops the face for itself, is calibrated by its own card, and gives probabilities; those
are averaged with the members' weights, for each task over the members that have it and a weight
above 0. Emotions in different label spaces are first mapped to the smallest of them, or to the one
that the file declares; a name without an image there raises. Ages are averaged bin by bin, so that
the value is the weighted mean of the members' and the interval that of the mixture; where a member
has no distribution (a regression), both are weighted means: of the members' values, and of the ends
of their intervals.

A calibration in `ensemble.json` comes last. Classes and distributions: a temperature T, p ** (1 /
T) normalised, since averages of honest probabilities are too cautious; ages without a distribution:
the half width of the interval, years. Then the factors of `core.age_intervals`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from core.artifacts import bundle
from core.artifacts.card import TASKS, Card, Head
from core.artifacts.ensemble_config import FILE, member_path, read
from core.errors import ModelError
from core.labels import FERPLUS8, GENDER2, SPACES, LabelSpace, collapse
from core.predictor import Predictor, years
from core.preprocess import InputSpec

VERSION = "0.1.0"
TINY = 1e-12
Values = dict[str, np.ndarray]
"""Task -> calibrated values of N faces, (N, width)."""


def open_model(path: str | Path, threads: int = 1) -> Predictor:
    """The model at `path`: a bundle (its folder or file) or an ensemble (a folder with
    `ensemble.json`, or such a file).

    Raises:
        ModelError: neither is there, the folder holds both, or what is there cannot be used.
    """
    path = Path(path)
    if path.is_dir() and (path / FILE).is_file():
        if (path / bundle.MODEL_FILE).is_file():
            raise ModelError(
                f"Expected a bundle or an ensemble in {path}, got both; name the file, {bundle.MODEL_FILE} or {FILE}."
            )
        path = path / FILE
    return Ensemble(path, threads) if path.suffix == ".json" else Predictor(path, threads)


class Ensemble(Predictor):
    """The models of an `ensemble.json`, opened. Safe to call from several threads. `members`: one
    predictor for each in the file.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self.path = Path(path) / FILE if Path(path).is_dir() else Path(path)
        self.file = read(self.path)
        found = [member_path(self.path.parent, m.model) for m in self.file.members]
        if (size := sum(p.stat().st_size for p in set(found))) > bundle.MAX_BYTES:
            raise ModelError(
                f"Expected models of at most {bundle.MAX_BYTES} bytes together, got {size}: {self.path}."
            )
        asked = {
            p: {m.sha256 for m, q in zip(self.file.members, found, strict=True) if p == q} - {""}
            for p in found
        }
        opened = {p: Predictor(p, threads, digests) for p, digests in asked.items()}
        self.members = tuple(opened[p] for p in found)
        self.shares = {task: w for task in TASKS if (w := self._shares(task)).any()}
        if not self.shares:
            raise ModelError(
                f"Expected a weight above 0 for a task that its model has, got none in {self.path}."
            )
        self.has_embedding = all(m.has_embedding for m in self.members)
        self._spaces = {task: self._space(task) for task in self.shares if task != "age"}
        self._by_bin = all(p.card.head("age").kind == "distribution" for p in self._having("age"))  # type: ignore[union-attr]
        self._make_views()
        self.card = self._card()
        Card.from_json(
            self.card.to_json()
        )  # what holds for a model's card holds for this one, its limits for instance

    def _shares(self, task: str) -> np.ndarray:
        """Weights of all members in a task (M,), sum 1; zeros where nobody has it."""
        each = zip(self.file.members, self.members, strict=True)
        weights = np.array([m.share(task) if p.card.head(task) else 0.0 for m, p in each])
        return weights / max(weights.sum(), TINY)

    def _having(self, task: str) -> list[Predictor]:
        return [
            p
            for p, w in zip(
                self.members, self.shares.get(task, np.zeros(len(self.members))), strict=True
            )
            if w > 0
        ]

    def _space(self, task: str) -> LabelSpace | None:
        """The classes of the answer; None where all members have the very same."""
        spoken = [p.card.head(task).labels for p in self._having(task)]  # type: ignore[union-attr]
        declared = self.file.labels.get(task)
        if declared is None and len(set(spoken)) == 1:
            return None
        space = (
            SPACES[declared]
            if declared
            else LabelSpace(
                "the smallest of the members' spaces", canonical(task, min(spoken, key=len))
            )
        )
        for labels in spoken:
            for label in space.labels:
                LabelSpace("a member", canonical(task, labels)).index(
                    label
                )  # raises where it has no image
        return space

    def _make_views(self) -> None:
        """Members that crop alike share a crop; `_view` (M,) says which is whose."""
        same = [
            replace(
                p.card.input,
                mean=(0.0,) * p.card.input.channels,
                std=(1.0,) * p.card.input.channels,
            )
            for p in self.members
        ]
        first = list(dict.fromkeys(same))
        self._view = [first.index(s) for s in same]
        self.views = tuple(self.members[self._view.index(i)].card.input for i in range(len(first)))
        self._record = np.dtype(
            [(str(i), np.uint8, _shape(spec)) for i, spec in enumerate(self.views)]
        )

    def _card(self) -> Card:
        """What the members' cards come to: everything that went into each of them, and whose
        weights they are.
        """
        cards = [p.card for p in self.members]
        heads = tuple(self._head(task) for task in self.shares)
        each = [
            {
                **asdict(m),
                "weights": {t: round(float(w[i]), 6) for t, w in self.shares.items()},
                "sha256": p.fingerprint,
                "name": p.card.name,
                "version": p.card.version,
                "recipe": dict(p.card.recipe),
            }
            for i, (m, p) in enumerate(zip(self.file.members, self.members, strict=True))
        ]
        data = {json.dumps(d, sort_keys=True): d for card in cards for d in card.data}
        precision = "int8" if all(c.precision == "int8" for c in cards) else "fp32"
        return Card(
            self.file.name,
            VERSION,
            self.views[0],
            heads,
            self.file.calibration,
            self.file.thresholds,
            {"ensemble": each},
            tuple(data.values()),
            self.file.metrics,
            " ".join(dict.fromkeys(c.licence for c in cards if c.licence)),
            self.file.created,
            precision,
        )

    def _head(self, task: str) -> Head:
        heads = [h for p in self._having(task) if (h := p.card.head(task))]
        if task == "age":
            labels = max((h.labels for h in heads), key=len) if self._by_bin else ()
            return Head("age", "distribution" if self._by_bin else "regression", labels, "age")
        return Head(
            task,
            "softmax",
            space.labels if (space := self._spaces[task]) else heads[0].labels,
            task,
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `ensemble.json` and of all members."""
        parts = [self.path.read_bytes(), *(m.fingerprint.encode() for m in self.members)]
        return hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all models on disk."""
        return sum({m.path: m.size for m in self.members}.values())

    def logits(self, batch: np.ndarray, embedding: bool = False) -> Values:
        """An ensemble has none: probabilities are averaged, not logits."""
        raise ModelError(
            f"Expected one model, got the ensemble {self.path}; try one of its members."
        )

    def calibrate(self, logits: Values) -> Values:
        """As `logits`."""
        return self.logits(np.zeros(0))

    def blank(self, n: int) -> np.ndarray:
        """`n` black crops."""
        return (
            np.zeros(n, self._record)
            if len(self.views) > 1
            else np.zeros((n, *_shape(self.views[0])), np.uint8)
        )

    def pack(self, views: Sequence[np.ndarray]) -> np.ndarray:
        """The crops of one face, or of n, one for each of `views` -> one record each, or the crop
        itself where there is one view.
        """
        if len(self.views) == 1:
            return views[0]
        packed = np.zeros(views[0].shape[:-3], self._record)
        for name, crop in zip(self._record.names or (), views, strict=True):
            packed[name] = crop
        return packed

    def shown(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (N, size, size, channels): the crops of the first view."""
        return crops["0"] if len(self.views) > 1 else crops

    def probabilities(self, crops: np.ndarray, embedding: bool = False) -> Values:
        """Crops of `crops` or `pack` (N, ...) -> averaged and calibrated values by task. Ages
        without a distribution: (N, 3), the value and the ends of its interval. embedding: the
        members' side by side, (N, sum of features), each of length 1 times the root of its weight,
        so that the cosine of two faces is the weighted mean of the members'.

        Raises:
            ModelError: an embedding is wanted and a member has none.
        """
        if embedding and not self.has_embedding:
            raise ModelError(
                f"Expected members with an `embedding` output, got {self.path}; export them with `python -m train export`."
            )
        said = self.each(crops, embedding)
        return self.average(said) | ({"embedding": self._embedding(said)} if embedding else {})

    def each(self, crops: np.ndarray, embedding: bool = False) -> list[Values]:
        """What every member says, in the ensemble's label spaces and kinds; tasks in which it does
        not count are left out.
        """
        return [
            self._asked(i, crops[str(v)] if len(self.views) > 1 else crops, embedding)
            for i, v in enumerate(self._view)
        ]

    def average(
        self,
        said: Sequence[Mapping[str, np.ndarray]],
        shares: Mapping[str, np.ndarray] | None = None,
    ) -> Values:
        """What `each` gave as one answer. shares: task -> weights of all members (M,), sum 1
        (default: the file's).
        """
        made = {}
        for task, weights in (shares or self.shares).items():
            p = sum(w * one[task] for w, one in zip(weights, said, strict=True) if w > 0)
            made[task] = self._calibrated(task, np.asarray(p))
        return made

    def ages(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Values of the age head -> expected years and the ends of their interval, each (N,)."""
        return super().ages(p) if self._by_bin else (p[:, 0], p[:, 1], p[:, 2])

    def _calibrated(self, task: str, p: np.ndarray) -> np.ndarray:
        given = self.file.calibration.get(task)
        if task == "age" and not self._by_bin:
            return (
                p
                if given is None
                else np.stack(years(p, "regression", self.file.calibration), axis=1)
            )
        return tempered(p, given or 1.0)

    def _asked(self, i: int, crops: np.ndarray, embedding: bool) -> Values:
        """One member's answers to crops (N, S, S, C), and its embedding."""
        model, member, n = self.members[i], self.file.members[i], len(crops)
        if not (embedding or any(w[i] > 0 for w in self.shares.values())):
            return {}
        if member.flip:
            both = model.probabilities(np.concatenate([crops, crops[:, :, ::-1]]), embedding)
            said = {task: (p[:n] + p[n:]) / 2 for task, p in both.items()}
        else:
            said = model.probabilities(crops, embedding)
        made = {
            task: self._mapped(task, model, said[task])
            for task, w in self.shares.items()
            if w[i] > 0
        }
        return made | ({"embedding": said["embedding"]} if embedding else {})

    def _mapped(self, task: str, model: Predictor, p: np.ndarray) -> np.ndarray:
        """A member's values (N, width) in the ensemble's space."""
        if task != "age":
            space, labels = self._spaces[task], model.card.head(task).labels  # type: ignore[union-attr]
            # No probability is quite 0, so that something is left also of a face that is all
            # contempt.
            return (
                p
                if space is None
                else collapse(
                    np.maximum(p, TINY), LabelSpace(model.card.name, canonical(task, labels)), space
                )
            )
        if not self._by_bin:
            return np.stack(model.ages(p), axis=1)
        bins = max(len(m.card.head("age").labels) for m in self._having("age"))  # type: ignore[union-attr]
        return np.pad(p, ((0, 0), (0, bins - p.shape[1])))

    def _embedding(self, said: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
        weights = np.mean(list(self.shares.values()), axis=0)
        lengths = [
            np.maximum(np.linalg.norm(one["embedding"], axis=1, keepdims=True), 1e-6)
            for one in said
        ]
        parts = [
            w**0.5 * one["embedding"] / length
            for w, one, length in zip(weights, said, lengths, strict=True)
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, k) -> p ** (1 / temperature), normalised; what a temperature does to the
    logits.
    """
    if temperature == 1.0:
        return p
    z = np.log(np.maximum(p, TINY)) / temperature
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def canonical(task: str, labels: Sequence[str]) -> tuple[str, ...]:
    """Class names as `core.labels` spells them.

    Raises:
        DataError: a name that no space has.
    """
    space = GENDER2 if task == "gender" else FERPLUS8
    return tuple(space.labels[space.index(label)] for label in labels)


def _shape(spec: InputSpec) -> tuple[int, int, int]:
    return spec.size, spec.size, spec.channels
