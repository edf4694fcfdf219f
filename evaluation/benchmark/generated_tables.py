"""Predictions that nobody made: seeded tables of any size, for measuring speed and memory. No
figure of theirs says anything about faces.

Answers lean towards the truth, confidence is a little too bold, some groups are harder than others,
and a person's pictures resemble each other, so that every figure, interval and slice has something
to find.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from core.labels import FERPLUS8, GENDER2, UTKFACE_RACE, age_decade
from evaluation.predictions.schema import P_COLUMNS, P_GENDER, TYPES

PRIORS = np.array([0.36, 0.26, 0.12, 0.11, 0.08, 0.03, 0.025, 0.015])
"""Shares of the classes, in the order of FERPLUS8."""
PART = 250_000
"""Rows that are made at a time."""


def parts(
    rows: int, *, seed: int = 0, model: str = "generated", per_person: float = 10.0
) -> Iterator[pa.Table]:
    """A conforming table of `rows` rows in parts, all tasks, a `group_subject` of about
    `per_person` pictures each.

    Same rows and seed, same truths, whatever the model's name; the name seeds the answers, so two
    models can be compared.
    """
    people = max(1, round(rows / per_person))
    for start in range(0, rows, PART):
        yield _part(start, min(PART, rows - start), people, seed, model)


def generate(
    rows: int, *, seed: int = 0, model: str = "generated", per_person: float = 10.0
) -> pa.Table:
    """As `parts`, whole.

    Raises:
        ValueError: less than one row.
    """
    if rows < 1:
        raise ValueError(f"Expected `rows` to be at least 1, got {rows}.")
    return pa.concat_tables(
        parts(rows, seed=seed, model=model, per_person=per_person)
    ).combine_chunks()


def _part(start: int, n: int, people: int, seed: int, model: str) -> pa.Table:
    truth, answer = (
        np.random.default_rng([seed, start]),
        np.random.default_rng([seed, start, *model.encode()]),
    )
    k = len(FERPLUS8)
    person = truth.integers(0, people, n)
    true = np.searchsorted(PRIORS.cumsum()[:-1], truth.random(n))
    race = (person * 7 + person // 11) % len(UTKFACE_RACE)
    light = truth.integers(0, 4, n)
    gender = person % 2
    age = np.clip((person * 37 % 101) + truth.normal(0, 2, n), 0, 116).round()
    ease = (
        np.sin(person * 1.7) * 0.5 - 0.4 * (race == 1) - 0.5 * (light == 3)
    )  # of a person, under a light
    logits = answer.normal(0, 1, (n, k)) + 0.9 * np.log(PRIORS)  # (n, k)
    logits[np.arange(n), true] += 2.6 + ease
    p = np.exp(1.4 * (logits - logits.max(axis=1, keepdims=True)))
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    first = 1 / (
        1
        + np.exp(
            -(
                np.where(gender == 0, 2.4, -2.4)
                + np.where(gender == 0, 1, -1) * ease
                + answer.normal(0, 1.2, n)
            )
        )
    )
    guess = age + answer.normal(0, 4 + age / 25, n) - 1.5 * (age > 60) + ease
    columns: dict[str, pa.Array] = {
        "sample_id": pa.array(np.char.mod("s%09d", np.arange(start, start + n))),
        "dataset": _same("generated", n),
        "split": _same("val", n),
        "model": _same(model, n),
        "emotion_true": _named(true, FERPLUS8.labels),
        "emotion_pred": _named(p.argmax(axis=1), FERPLUS8.labels),
        **{name: pa.array(p[:, i]) for i, name in enumerate(P_COLUMNS)},
        "gender_true": _named(gender, GENDER2.labels),
        P_GENDER: pa.array(first.astype(np.float32)),
        "age_true": pa.array(age.astype(np.float32)),
        "age_pred": pa.array(guess.astype(np.float32)),
        "age_low": pa.array((guess - 8).astype(np.float32)),
        "age_high": pa.array((guess + 8).astype(np.float32)),
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


def _same(text: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(n, np.int32)), pa.array([text])
    ).dictionary_decode()


def _named(index: np.ndarray, names: tuple[str, ...]) -> pa.Array:
    return pa.array(names).take(pa.array(index))
