"""KDEF: 4,900 colour pictures of 562x762, 70 people, seven emotions, five angles, two sessions.

35 women and 35 men; Lundqvist, Flykt, Ohman, 1998. File names, in any folder: AF01AFS.JPG is
session A, female, model 01, afraid, straight. There is no official split: ours never divides a
model, who has the same number in both sessions. Full profiles are kept, in the group `angle`.
"""

from __future__ import annotations

import re
from pathlib import Path

from core.data.base.files import matching_files
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Samples, check_split, locate
from core.data.base.splits import OURS, by_subject
from core.labels import FERPLUS8, GENDER2, KDEF_ANGLES, KDEF_CODES

NAME = re.compile(
    rf"([AB])([FM])(\d{{2}})({'|'.join(KDEF_CODES)})({'|'.join(KDEF_ANGLES)})\.[a-z]+",
    re.IGNORECASE,
)
SPLITS = OURS
ORIGIN = Origin(
    "KDEF",
    "Lundqvist, Flykt and Ohman, 1998",
    RESEARCH,
    labels={
        "emotion": "what seventy actors were asked to pose",
        "gender": "what the publishers' file names say, as one of two",
    },
    note="KDEF has no official split: ours never divides a person.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split. Groups: `subject`, `angle`.

    Raises:
        DataError: no file is named as the publishers name them, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "kdef", ["KDEF", "KDEF_and_AKDEF"])
    form = "SESSION GENDER MODEL CODE ANGLE such as AF01AFS.JPG"
    matches, problems = matching_files(root, NAME, form)
    fields_by_name = {name: [g.upper() for g in match.groups()] for name, match in matches.items()}
    splits = by_subject(g + n for _, g, n, _, _ in fields_by_name.values())
    rows = [
        Row(
            name,
            FERPLUS8.index(KDEF_CODES[code]),
            GENDER2.index(gender),
            groups={"subject": gender + number, "angle": KDEF_ANGLES[angle]},
        )
        for name, (_, gender, number, code, angle) in fields_by_name.items()
        if split in ("all", splits[gender + number])
    ]
    return build("kdef", split, root, rows, problems, tight=False)
