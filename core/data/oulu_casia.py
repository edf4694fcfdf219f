"""Oulu-CASIA NIR&VIS: 80 people, six emotions, three lights, sequences from neutral to the peak.

Zhao et al., IVC 2011. Layout of the publishers: OriginalImg/VL/Strong/P001/Anger/000.jpeg ...
(320x240); PreProcess Img holds crops of the same. Taken are the visible-light pictures (VL), and of
each sequence the last three frames, as papers do, and the first frame as neutral where the sequence
is longer than that. What lies between is neither, so it is left out on purpose and is no problem.
There is no official split: ours never divides a person.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from core.data.base.files import SUFFIXES, files, suffix
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, by_subject
from core.errors import DataError
from core.labels import FERPLUS8, OULU_ONSET

FRAME = re.compile(r"((?:.*/)?VL/(Dark|Strong|Weak)/(P\d{3})/([^/]+))/(\d+)\.[a-z]+", re.IGNORECASE)
ORIGINAL, CROPPED = "OriginalImg", "PreProcess Img"
PEAK = 3
"""Frames at the end of a sequence that carry its emotion."""
SPLITS = OURS
ORIGIN = Origin(
    "Oulu-CASIA",
    "Zhao et al., IVC 2011",
    f"{RESEARCH}, by agreement with the publishers",
    labels={"emotion": "what eighty people were asked to pose"},
    note="Oulu-CASIA has no official split: ours never divides a person.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the frames of one split. Groups: `subject`, `light`.

    Raises:
        DataError: no file lies where the publishers put them, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "oulu_casia", [ORIGINAL, CROPPED, "VL"])
    names, problems = files(root)
    tops = [
        t for t in (ORIGINAL, CROPPED) if any(n.startswith(f"{t}/") or f"/{t}/" in n for n in names)
    ]
    if len(tops) == 2:  # the same frames twice
        names = [n for n in names if not (n.startswith(f"{CROPPED}/") or f"/{CROPPED}/" in n)]
    frames: list[tuple[str, re.Match[str]]] = []
    for name in names:
        if suffix(name) not in SUFFIXES or re.search(r"(^|/)NI/", name):
            continue
        if match := FRAME.fullmatch(name):
            frames.append((name, match))
        else:
            problems.append(
                Problem(name, "malformed place; expected VL/LIGHT/PERSON/EMOTION/FRAME.jpeg")
            )
    splits = by_subject(m[3].upper() for _, m in frames)
    rows: list[Row] = []
    frames.sort(key=lambda f: (f[1][1], int(f[1][5])))
    for sequence, group in groupby(frames, key=lambda f: f[1][1]):
        members = list(group)
        light, subject, label = members[0][1].group(2, 3, 4)
        if split not in ("all", splits[subject.upper()]):
            continue
        try:
            emotion = FERPLUS8.index(label)
        except DataError:
            problems.append(
                Problem(sequence, f"not a known emotion: {label!r}; {len(members)} frames in it")
            )
            continue
        groups = {"subject": subject.upper(), "light": light.capitalize()}
        if len(members) > PEAK:
            rows.append(Row(members[0][0], FERPLUS8.index(OULU_ONSET), groups=groups))
        rows += [Row(name, emotion, groups=groups) for name, _ in members[-PEAK:]]
    return build("oulu_casia", split, root, rows, problems, tight=tops == [CROPPED])
