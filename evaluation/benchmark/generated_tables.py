"""Seeded predictions tables of any size that no model made, to measure speed and memory with.

Predictions lean towards the truth, confidence is a little too high, some groups are harder than
others, and a person's images resemble each other, so that every figure, interval and slice has
something to find. No figure of theirs is about faces.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.labels import FERPLUS8, GENDER2, UTKFACE_RACE, age_decade
from evaluation.predictions.schema import P_COLUMNS, P_GENDER, TYPES

PRIORS = np.array([0.36, 0.26, 0.12, 0.11, 0.08, 0.03, 0.025, 0.015])
"""Shares of the classes, in the order of FERPLUS8."""
PART_SIZE = 250_000
"""Rows that are made at a time."""


def parts(
    rows: int, *, seed: int = 0, model: str = "generated", per_person: float = 10.0
) -> Iterator[pa.Table]:
    """Yield a conforming table of all tasks in parts.

    The same rows and seed give the same labels; the model's name seeds the predictions, so two
    models can be compared.

    Args:
        rows: Of all parts together.
        seed: Of the labels.
        model: What the table calls the model.
        per_person: Images of each `group_subject`, about.
    """
    people = max(1, round(rows / per_person))
    for start in range(0, rows, PART_SIZE):
        yield _part(start, min(PART_SIZE, rows - start), people, seed, model)


def generate(
    rows: int, *, seed: int = 0, model: str = "generated", per_person: float = 10.0
) -> pa.Table:
    """Return the table of `parts` in one.

    Raises:
        ValueError: Less than one row.
    """
    if rows < 1:
        raise ValueError(f"Expected `rows` to be at least 1, got {rows}.")
    return pa.concat_tables(
        parts(rows, seed=seed, model=model, per_person=per_person)
    ).combine_chunks()


def _part(start: int, n: int, people: int, seed: int, model: str) -> pa.Table:
    """Return rows `start` to `start + n`; their truth depends on the seed, not on the model."""
    truth = np.random.default_rng([seed, start])
    noise = np.random.default_rng([seed, start, *model.encode()])
    k = len(FERPLUS8)
    person = truth.integers(0, people, n)
    true = np.searchsorted(PRIORS.cumsum()[:-1], truth.random(n))
    race = (person * 7 + person // 11) % len(UTKFACE_RACE)
    light = truth.integers(0, 4, n)
    gender = person % 2
    age = np.clip((person * 37 % 101) + truth.normal(0, 2, n), 0, 116).round()
    # of a person, under a light
    ease = np.sin(person * 1.7) * 0.5 - 0.4 * (race == 1) - 0.5 * (light == 3)
    logits = noise.normal(0, 1, (n, k)) + 0.9 * np.log(PRIORS)  # (n, k)
    logits[np.arange(n), true] += 2.6 + ease
    p = np.exp(1.4 * (logits - logits.max(axis=1, keepdims=True)))
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    side = np.where(gender == 0, 1, -1)
    p_first = 1 / (1 + np.exp(-(2.4 * side + side * ease + noise.normal(0, 1.2, n))))
    predicted_age = age + noise.normal(0, 4 + age / 25, n) - 1.5 * (age > 60) + ease
    columns: dict[str, pa.Array] = {
        "sample_id": pa.array(np.char.mod("s%09d", np.arange(start, start + n))),
        "dataset": pa.repeat("generated", n),
        "split": pa.repeat("val", n),
        "model": pa.repeat(model, n),
        "emotion_true": _named(true, FERPLUS8.labels),
        "emotion_pred": _named(p.argmax(axis=1), FERPLUS8.labels),
        **{name: pa.array(p[:, i]) for i, name in enumerate(P_COLUMNS)},
        "gender_true": _named(gender, GENDER2.labels),
        P_GENDER: pa.array(p_first.astype(np.float32)),
        "age_true": pa.array(age.astype(np.float32)),
        "age_pred": pa.array(predicted_age.astype(np.float32)),
        "age_low": pa.array((predicted_age - 8).astype(np.float32)),
        "age_high": pa.array((predicted_age + 8).astype(np.float32)),
        "group_race": _named(race, UTKFACE_RACE),
        "group_light": _named(light, ("bright", "even", "dim", "dark")),
        "group_age_decade": _named(
            np.minimum(age // 10, 8).astype(int), tuple(age_decade(10 * i) for i in range(9))
        ),
        "group_subject": pa.array(np.char.mod("p%d", person)),
    }
    return pa.table(
        {name: column.cast(TYPES.get(name, column.type)) for name, column in columns.items()}
    )


def _named(index: NDArray[np.int64], names: tuple[str, ...]) -> pa.Array:
    return pa.array(names).take(pa.array(index))
