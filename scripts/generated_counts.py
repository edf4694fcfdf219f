"""Write the studio's sample of counts: assets/sample/generated-counts.jsonl. No demo counted them.

    python -m scripts.generated_counts [--out FILE]

Twelve days of a demo that nobody ran. The faces are drawn from the shipped validation predictions,
so their confidences are real; how many come by and what happens to them is made up: from the tenth
day on a lamp is broken, so that more faces are too dark, and of those read more look sad or
neutral, with less confidence. The same file each time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from core.cli import run_program
from core.labels import FERPLUS8, GENDER2, SAD_NEUTRAL
from core.monitoring.tally import Tally
from core.system import ROOT
from core.types import Age, Distribution, Prediction
from evaluation.predictions import table
from evaluation.predictions.meta import Meta
from evaluation.predictions.schema import P_EMOTION, P_GENDER

SAMPLES = ROOT / "assets" / "sample"
START = datetime(2026, 11, 2, tzinfo=UTC)
HOURS_PER_LINE = 2
DAYS, BROKEN_FROM_DAY = 12, 9
FACES_AT_NOON = 200.0
OPENS, CLOSES = 8, 20
"""Hours between which faces come by."""
USUAL_REASONS = (("too small", 0.03), ("turned away", 0.02), ("blurred", 0.01))
DARK = ("too dark", 0.18)
DULL_SHARE, DULL_POWER = 0.6, 0.55
"""Share of the faces that the broken lamp makes dull, and the power of their probabilities."""


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    args.out.write_text(generated(), "ascii")


def main(argv: Sequence[str] | None = None) -> int:
    """Run and return the exit status of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.generated_counts",
        description="The studio's generated sample of counts.",
    )
    parser.add_argument("--out", type=Path, default=SAMPLES / "generated-counts.jsonl")
    return run_program(parser, run, argv)


def generated() -> str:
    """Return the lines of the file."""
    rng = np.random.default_rng(0)
    faces = predictions()
    tally = Tally("mien 0.4.0", is_generated=True)
    lines, begin = [], START
    for step in range(DAYS * 24 // HOURS_PER_LINE):
        start = START + step * timedelta(hours=HOURS_PER_LINE)
        end = start + timedelta(hours=HOURS_PER_LINE)
        is_broken = (start - START).days >= BROKEN_FROM_DAY
        for _ in range(rng.poisson(expected_faces(start))):
            prediction = faces[rng.integers(len(faces))]
            if is_broken and rng.random() < DULL_SHARE:
                prediction = dull(prediction)
            tally.add_face(prediction, reason(rng, is_broken))
            for latency_ms in rng.lognormal(np.log(14), 0.25, 40):
                tally.add_picture("live", float(latency_ms))
        line = tally.take_line(begin, end)
        if line is not None:
            lines.append(f"{line.to_json()}\n")
            begin = end
    return "".join(lines)


def expected_faces(start: datetime) -> float:
    """Return how many faces come by in the interval: most at noon, fewer at weekends."""
    hour = start.hour + HOURS_PER_LINE / 2
    if not OPENS <= hour <= CLOSES:
        return 0.0
    share = np.sin(np.pi * (hour - OPENS) / (CLOSES - OPENS)) ** 0.7
    return float(FACES_AT_NOON * share * (0.5 if start.weekday() >= 5 else 1.0))


def reason(rng: np.random.Generator, is_broken: bool) -> str | None:
    """Draw why there is no prediction; mostly there is one."""
    chance = rng.random()
    for name, share in (*USUAL_REASONS, *([DARK] if is_broken else [])):
        if chance < share:
            return name
        chance -= share
    return None


def dull(prediction: Prediction) -> Prediction:
    """Return a prediction with less confidence and more of sadness and neutral."""
    emotion, gender = (
        Distribution(head.labels, flat(head, DULL_POWER), head.limit)
        for head in (prediction.emotion, prediction.gender)
        if head is not None
    )
    pair = np.isin(emotion.labels, SAD_NEUTRAL)
    p = emotion.p * np.where(pair, 3.0, 1.0)
    return Prediction(
        Distribution(emotion.labels, p / p.sum(), emotion.limit), gender, prediction.age
    )


def flat(head: Distribution, power: float) -> np.ndarray:
    """Return a head's probabilities (k,) with less confidence: their powers, normalised."""
    p = head.p**power
    normalised: np.ndarray = p / p.sum()
    return normalised


def predictions() -> list[Prediction]:
    """Return the shipped validation predictions; emotions and ages are of different faces."""
    emotions = table.read(SAMPLES / "mien-ferplus-val.parquet")
    people = table.read(SAMPLES / "mien-utkface-val.parquet")
    limits = Meta.of(emotions).thresholds
    p = np.stack([emotions[P_EMOTION + label].to_numpy() for label in FERPLUS8.labels], axis=1)
    p = p.astype(np.float64) / p.sum(axis=1, keepdims=True)
    female = people[P_GENDER].to_numpy().astype(np.float64)
    age, low, high = (people[f"age_{end}"].to_numpy() for end in ("pred", "low", "high"))
    return [
        Prediction(
            Distribution(FERPLUS8.labels, p[i], limits["emotion"]),
            Distribution(GENDER2.labels, np.array([female[k], 1 - female[k]]), limits["gender"]),
            Age(float(age[k]), float(low[k]), float(high[k]), limit=limits["age"]),
        )
        for i, k in enumerate(np.arange(len(p)) % len(female))
    ]


if __name__ == "__main__":
    sys.exit(main())
