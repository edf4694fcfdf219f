"""The table of formats in docs/own_tables.md: each row is written and opened as it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from evaluation.__main__ import main
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "own_tables.md").read_text("utf-8").split("In our own form")[0]
ROWS = re.findall(r"^\| (.+?) \|(.*?)\| (.+?) \|$", TEXT, re.M)[1:]
PETS = ["cat", "dog", "owl"] * 4
P = {f"prob_{p}": [0.8 if p == q else 0.1 for q in PETS] for p in ("cat", "dog", "owl")}
FRAMES = {
    "`y_true,y_pred` in CSV": {"y_true": PETS, "y_pred": PETS},
    "the same with": {"y_true": PETS, "y_pred": PETS},
    "`label,prediction`": {"label": [0, 1, 2] * 4, "prediction": [0, 1, 2] * 4},
    "`label,prob_cat": {"label": PETS, **P},
    "`label` and a list": {
        "label": PETS,
        "probs": [list(r) for r in zip(*P.values(), strict=True)],
    },
    "`prob_*` with logits": {"label": PETS, **{k: [9 * v - 4 for v in c] for k, c in P.items()}},
    "`prob_*` in percent": {"label": PETS, **{k: [100 * v for v in c] for k, c in P.items()}},
    "`mask_true": {"mask_true": [True, False] * 6, "mask_pred": [True, True] * 6},
    "`yaw_true": {"yaw_true": [i / 4 for i in range(12)], "yaw_pred": [i / 3 for i in range(12)]},
    "JSON Lines": {"y_true": PETS, "y_pred": PETS},
}


@pytest.mark.parametrize("start", FRAMES)
def test_each_form_opens_as_documented(
    start: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    [(_, options, meaning)] = [row for row in ROWS if row[0].startswith(start)]
    frame = pd.DataFrame(FRAMES[start])
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.txt", index=False, sep=";", encoding="utf-16")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "t.parquet")
    arguments = shlex.split(options.replace("`", ""))
    for name in ("t.csv", "t.txt", "t.jsonl", "t.parquet"):
        assert main(["report", str(tmp_path / name), *arguments]) == 0, capsys.readouterr().err
        out = capsys.readouterr().out.casefold()
        task = re.search(r"(?:classification|regression) `(\w+)`", meaning)
        assert (task[1] if task else "label") in out
    if "refused without it" in meaning:
        assert main(["report", str(tmp_path / "t.parquet")]) == 2
        assert arguments[0] in capsys.readouterr().err


def test_every_documented_form_is_tried() -> None:
    assert len(ROWS) == len(FRAMES)
    assert [form for form, _, _ in ROWS if not form.startswith(tuple(FRAMES))] == []
