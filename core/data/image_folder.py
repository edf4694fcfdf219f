"""Any tree of class folders: SPLIT/CLASS/pictures or CLASS/pictures.

For pictures of your own and for most sets on Kaggle. SPLIT is train, training, val, valid,
validation, dev, test, testing, PublicTest or PrivateTest, in any case. CLASS is an emotion or a
perceived gender in any spelling of `core.labels.SPELLINGS`; numbers mean nothing without the data
set's own order, so they are refused. Without a val folder a tenth of train is val; without split
folders all is divided 80/10/10 by the hash of the name.
"""

from __future__ import annotations

from pathlib import Path

from core.data.base.class_folders import emotions, genders, load_tree
from core.data.base.origin import Origin
from core.data.base.samples import Samples, check_split, locate
from core.data.base.splits import OURS

SPLITS = OURS
NAMED = "what the name of a picture's folder says"
ORIGIN = Origin(
    "pictures in folders",
    "",
    "their own terms",
    {"emotion": NAMED, "gender": NAMED},
    pictures="pictures in folders",
    true="as the names of the folders say",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split; unknown folders are listed in `problems`.

    Raises:
        DataError: no known class folder, a class without pictures, or an empty split.
    """
    check_split(split, SPLITS)
    emotion = emotions()
    return load_tree(
        "image_folder",
        locate(root, "image_folder"),
        split,
        lambda folder: emotion(folder) or genders(folder),
    )
