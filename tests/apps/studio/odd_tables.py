"""Tables of predictions as users have them, from a seed, and the figures that they must give."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ALPHABETS: dict[str, Sequence[str]] = {
    "Latin": ("cat", "dog", "owl", "x_p_y", "a b", "é", "ß", "no", "x_y", "n-1", "T", "e"),
    "Greek": (
        "άλφα",
        "βήτα",
        "γάμμα",
        "δέλτα",
        "έψιλον",
        "ζήτα",
        "ήτα",
        "θήτα",
        "ι",
        "κ",
        "λ",
        "μ",
    ),
    "Cyrillic": (
        "кот",
        "пёс",
        "сова",
        "лев",
        "ёж",
        "рысь",
        "волк",
        "лис",
        "бык",
        "конь",
        "як",
        "ус",
    ),
    "Chinese": (
        "快乐",
        "悲伤",
        "愤怒",
        "惊讶",
        "恐惧",
        "厌恶",
        "轻蔑",
        "中性",
        "平静",
        "困",
        "爱",
        "恨",
    ),
    "Arabic": (
        "سعيد",
        "حزين",
        "غاضب",
        "متفاجئ",
        "خائف",
        "محايد",
        "هادئ",
        "متعب",
        "أ",
        "ب",
        "ت",
        "ث",
    ),
    "pictures": ("😀", "😢", "😡", "😲", "😱", "🤢", "😐", "👍🏽", "🏳️‍🌈", "é", "ﬁ", "Ⅷ"),
    "markup": (
        "<b>x</b>",
        "<script>alert(1)</script>",
        "&amp;",
        '"q"',
        "it's",
        "a, b",
        "a;b",
        "$x$",
        ":smile:",
        "[a](http://b)",
        "**bold**",
        "<img src=x onerror=alert(1)>",
    ),
    "long": tuple(
        f"class number {i} with a name that goes on and on {'and on ' * i}." for i in range(12)
    ),
    "numbers": tuple(str(i) for i in range(12)),
    "years": tuple(str(v) for v in (0, 3, 7, 10, 21, 100, 1000, 2024, 5, 8, 9, 11)),
    "words of the studio": (
        *("true", "other", "all", "uncertain", "none of", "any", "label", "model"),
        *("n", "row", "wrong", "right"),
    ),
}
COLUMNS = (
    ("y_true", "y_pred"),
    ("label", "prediction"),
    ("target", "pred"),
    ("actual", "predicted"),
)
TASKS = ("mask", "head_pose", "x")
SEPARATORS = (",", ";", "\t", "|")
MODELS = ("m", "<i>n</i>", "o, p", "q'r", "модель " * 6 + "1")


@dataclass(frozen=True)
class OddTable:
    """A file, and what was written into it.

    Attributes:
        path: the file.
        description: of its oddities, for messages.
        models: names of the models in the order of the rows; "" for one without a name.
        labels: all classes.
        true, pred: int (models, samples), places in `labels`.
        top: float (models, samples), the confidence; None without probabilities.
    """

    path: Path
    description: str
    models: tuple[str, ...]
    labels: tuple[str, ...]
    true: np.ndarray
    pred: np.ndarray
    top: np.ndarray | None

    @property
    def rows(self) -> int:
        """All rows of the file."""
        return self.pred.size

    def accuracy(self, model: int) -> str:
        """The share of correct predictions, as pages write it."""
        return f"{100 * np.mean(self.true[model] == self.pred[model]):.1f} %"

    def recalls(self, model: int) -> dict[str, float]:
        """The recall of each class that has samples."""
        is_right = self.true[model] == self.pred[model]
        return {
            label: float(is_right[self.true[model] == k].mean())
            for k, label in enumerate(self.labels)
            if (self.true[model] == k).any()
        }


def odd_table(seed: int, folder: Path) -> OddTable:
    """Write the table of a seed and return it."""
    choose = random.Random(seed)
    rng = np.random.default_rng(seed)
    alphabet = choose.choice(list(ALPHABETS))
    k, n = choose.randint(2, 12), choose.choice((7, 40, 90))
    labels = tuple(choose.sample(ALPHABETS[alphabet], k))
    models = MODELS[:5] if choose.random() < 0.3 else ("",)
    truth = np.concatenate([np.arange(k), rng.integers(0, k, max(n - k, 0))])[: max(n, k)]
    true = np.tile(truth, (len(models), 1))
    pred = np.where(rng.random(true.shape) < 0.6, true, rng.integers(0, k, true.shape))
    if choose.random() < 0.5:
        pred[pred == k - 1] = 0  # a class that is never predicted
    has_probabilities = choose.random() < 0.5 and alphabet in ("Latin", "numbers", "long")
    names = choose.choice(COLUMNS)
    if choose.random() < 0.4:
        task = choose.choice(TASKS)
        names = (f"{task}_true", f"{task}_pred")
    columns: dict[str, object] = {}
    if choose.random() < 0.6:
        columns["sample_id"] = [f"s {i}<b>" for i in range(true.shape[1])] * len(models)
    if len(models) > 1:
        columns["model"] = np.repeat(models, true.shape[1])
    texts = np.array(labels, object)
    columns |= {names[0]: texts[true.ravel()], names[1]: texts[pred.ravel()]}
    top = None
    if has_probabilities:
        p = 0.4 * rng.dirichlet(np.ones(k), pred.size) + 0.6 * np.eye(k)[pred.ravel()]
        p = p.round(6)
        prefix = (
            f"{names[0].removesuffix('_true')}_p_" if names[0].split("_")[0] in TASKS else "prob_"
        )
        columns |= {f"{prefix}{label}": p[:, i] for i, label in enumerate(labels)}
        top = p.max(axis=1).reshape(pred.shape)
    if choose.random() < 0.5:
        values = choose.choice((("dim", "bright"), ("<u>", "ö", "-"), ("1", "2", "10")))
        columns["group_light"] = np.array(values, object)[np.arange(pred.size) % len(values)]
    form, path = _write(choose, folder, pd.DataFrame(columns), seed)
    description = f"seed {seed}: {alphabet}, {k} classes, {form}, {list(columns)[:8]}"
    return OddTable(path, description, models, labels, true, pred, top)


def _write(choose: random.Random, folder: Path, rows: pd.DataFrame, seed: int) -> tuple[str, Path]:
    """Write the rows in some format and return what it is, and the file."""
    form = choose.choice(("csv", "csv", "csv", "parquet", "jsonl"))
    path = folder / f"odd table {seed}.{form}"
    if form == "parquet":
        rows.to_parquet(path, index=False)
    elif form == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False) for row in rows.to_dict("records"))
        path.write_text("\n".join(lines), "utf-8")
    else:
        separator = choose.choice(SEPARATORS)
        encoding = choose.choice(("utf-8", "utf-8-sig", "utf-16"))
        rows.to_csv(path, sep=separator, encoding=encoding, index=False)
        form = f"csv, {separator!r}, {encoding}"
    return form, path
