"""Invented predictions of any size, for speed tests: eight emotion probabilities, gender, age, groups. Same seed, same table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.labels import FERPLUS8, GENDER2, UTKFACE_RACE
from evaluation.conform import P_EMOTION, P_GENDER
from evaluation.table import KEY, Meta

PART = 250_000


def part(start: int, n: int, samples: int, seed: int) -> pa.Table:
    """Rows `start` to `start + n`: row i is sample i % samples of model i // samples, whose truth does not depend on the model."""
    row = np.arange(start, start + n)
    sample, model = row % samples, row // samples
    truth, rng = np.random.default_rng([seed, 1, start % samples]), np.random.default_rng([seed, 2, start])
    k = len(FERPLUS8)
    common = np.array([0.36, 0.25, 0.13, 0.12, 0.09, 0.01, 0.02, 0.02])
    emotion, gender = truth.choice(k, n, p=common), truth.integers(0, 2, n)
    age = truth.gamma(4, 8.5, n).clip(0, 100).astype(np.float32)
    logits = rng.gumbel(0, 1, (n, k)).astype(np.float32)
    logits[np.arange(n), emotion] += 2.5 + 0.4 * model
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    said = (age + rng.normal(0, 6, n)).clip(0, 100).astype(np.float32)
    female = (1 / (1 + np.exp(-(np.where(gender == 0, 2.0, -2.0) + rng.normal(0, 1.5, n))))).astype(np.float32)
    words = pa.array(FERPLUS8.labels)
    return pa.table({
        "sample_id": [f"s{i:08d}" for i in sample], "dataset": pa.array(["generated"]).take(pa.array(np.zeros(n, int))),
        "split": pa.array(["val", "test"]).take(pa.array(sample % 2)),
        "model": pa.array([f"m{i}" for i in range(int(model.max()) + 1)]).take(pa.array(model)),
        "emotion_true": words.take(pa.array(emotion)), "emotion_pred": words.take(pa.array(p.argmax(axis=1))),
        **{P_EMOTION + label: p[:, i] for i, label in enumerate(FERPLUS8.labels)},
        "gender_true": pa.array(GENDER2.labels).take(pa.array(gender)), P_GENDER: female,
        "age_true": age, "age_pred": said, "age_low": said - 8, "age_high": said + 8,
        "group_race": pa.array(UTKFACE_RACE).take(pa.array(truth.integers(0, len(UTKFACE_RACE), n))), "face_found": rng.random(n) > 0.03,
    })  # fmt: skip


def generate(out: Path, rows: int, models: int = 1, seed: int = 0) -> None:
    """Writes `rows` rows of `models` models, on rows / models samples each."""
    samples = -(-rows // models)
    sink: pq.ParquetWriter | None = None
    for model in range(models):
        for start in range(model * samples, min((model + 1) * samples, rows), PART):
            n = min(PART, min((model + 1) * samples, rows) - start)
            made = part(start, n, samples, seed)
            sink = sink or pq.ParquetWriter(out, made.schema, compression="zstd")
            sink.write_table(made)
    if sink is not None:
        sink.add_key_value_metadata({KEY: Meta(model="m0", dataset="generated", detector="none").to_json()})
        sink.close()
