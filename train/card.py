"""The model card in Markdown (Mitchell et al., arXiv 1810.03993), from the card inside the bundle: every figure in it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.bundle import Card

INTENDED = """## What it is for

Research and demonstration on faces of people who have agreed to it: trying out a webcam demo, studying where such models fail, teaching.

## What it must not be used for

- **Decisions about people**: hiring, access, credit, policing, insurance, medicine, age checks with consequences.
- **Emotion inference at work or in education**: forbidden in the European Union (Regulation (EU) 2024/1689, Article 5(1)(f)), and wrong
  elsewhere too.
- **Anyone who has not agreed**, or who cannot.
- **Identifying anyone**, or tracking people across pictures.
"""

LIMITS = """## Limits

- *Emotion* is what ten annotators saw in a picture, not what a person felt. They often disagreed; the probabilities reflect that.
- *Perceived gender* follows the data sets' binary annotation by look. It says nothing about who somebody is.
- *Age* is apparent age in mostly posed pictures from the web. Errors grow with age, and few pictures show people over 80.
- Contempt, disgust and fear are rare in FER+ (a few dozen validation pictures each): their figures have wide intervals.
- The figures above were measured on **validation** parts that also chose the checkpoint and the temperatures: expect a little less on
  unseen data.
- Groups with few pictures have wide intervals; a difference between two groups whose intervals overlap may be chance.
- Faces under 24 px, in the dark, blurred, or turned away are answered with an abstention by the demo, not with a guess.
"""


def describe(card: Card, parameters: int) -> str:
    """`card.md` of a bundle."""
    blocks = [f"# {card.name} {card.version}\n", _summary(card, parameters), _figures(card), _groups(card), INTENDED, LIMITS, _data(card)]
    return "\n".join(b for b in blocks if b)


def _summary(card: Card, parameters: int) -> str:
    kind = "grey" if card.input.channels == 1 else "RGB"
    heads = "; ".join(f"{_name(h.task)} ({h.kind}, {len(h.labels) if h.labels else 1})" for h in card.heads)
    temperatures = ", ".join(f"{_name(k)} {v:.2f}" for k, v in card.calibration.items())
    rows = {
        "parameters": f"{parameters:,}",
        "heads": heads,
        "numbers": "8-bit integers (INT8), their ranges from training pictures" if card.precision == "int8" else "32-bit floats",
        "temperatures, fitted on validation": temperatures or "none",
        "trained": f"{card.recipe.get('epochs', '?')} epochs, batch {card.recipe.get('batch', '?')}, best of them by validation",
        "recipe": f"stored in the model's metadata; `python -m train {card.name} --data DIR` trains it again",
        "created": card.created,
        "licence": card.licence,
    }
    table = "\n".join(f"| {k} | {v} |" for k, v in rows.items())
    side = card.input.size
    return f"Reads emotion, perceived gender and age from one aligned {side}x{side} {kind} face crop.\n\n| | |\n|---|---|\n{table}\n"


def _name(task: str) -> str:
    return {"gender": "perceived gender"}.get(task, task)


def _title(metric: str) -> str:
    return metric.replace("gender", "perceived gender").replace("_", " ")


def _figures(card: Card) -> str:
    rows = [m for m in card.metrics if not m.get("group")]
    if not rows:
        return "## Figures\n\nNone: exported without data.\n"
    lines = ["## Figures, on validation parts\n", "| data | part | figure | value | 95 % interval | n |", "|---|---|---|---|---|---|"]
    lines += [f"| {m['data']} | {m['split']} | {_title(m['metric'])} | {_value(m)} | {m['n']:,} |" for m in rows]
    return "\n".join(lines) + "\n"


def _groups(card: Card) -> str:
    rows = [m for m in card.metrics if m.get("group")]
    if not rows:
        return ""
    by_group: dict[str, dict[str, Mapping[str, Any]]] = {}
    for m in rows:
        by_group.setdefault(m["group"], {})[m["metric"]] = m
    names = list(dict.fromkeys(m["metric"] for m in rows))
    lines = ["## Figures by group\n", "Emotion by the majority of FER+'s votes; age, perceived gender and race as UTKFace's labels say.\n"]
    titles = " | ".join(f"{_title(n)} | 95 % interval" for n in names)
    lines += [f"| group | n | {titles} |", "|---|---|" + "---|---|" * len(names)]
    for group, values in by_group.items():
        cells = " | ".join(_value(values[n]) if n in values else " | " for n in names)
        lines.append(f"| {group} | {next(iter(values.values()))['n']:,} | {cells} |")
    return "\n".join(lines) + "\n"


def _value(m: Mapping[str, Any]) -> str:
    low, high = m["ci95"]
    if "years" in m["metric"]:
        return f"{m['value']:.2f} | {low:.2f} to {high:.2f}"
    if m["metric"] == "expected_calibration_error" or "macro" in m["metric"]:
        return f"{m['value']:.3f} | {low:.3f} to {high:.3f}"
    return f"{100 * m['value']:.2f} % | {100 * low:.2f} to {100 * high:.2f} %"


def _data(card: Card) -> str:
    lines = ["## Data\n", "| name | part | pictures | SHA-256 of names and bytes |", "|---|---|---|---|"]
    lines += [f"| {d['name']} | {d['split']} | {d['n']:,} | `{d['fingerprint'][:16]}...` |" for d in card.data]
    return "\n".join(lines) + (
        "\n\nFER+ (Barsoum et al., ICMI 2016; labels MIT, pictures of FER2013 for research) and UTKFace (Zhang et al., CVPR 2017; "
        "non-commercial research only). UTKFace has no official split: ours is 80/10/10 with near duplicates on one side.\n"
    )
