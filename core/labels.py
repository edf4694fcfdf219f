"""Label spaces, each data set's own order and spelling, and maps between two spaces.

No other file writes a class name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import DataError


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """Named classes in a fixed order; the position is the class index."""

    name: str
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Return the class index of a canonical name or a known spelling of it.

        Raises:
            DataError: the name has no counterpart in this space.
        """
        name = SPELLINGS.get(label.strip().lower(), label.strip().lower())
        if name not in self.labels:
            raise DataError(
                f"Expected a label of {self.name} {self.labels}, got {label!r}; map or drop it "
                "first."
            )
        return self.labels.index(name)


FERPLUS8 = LabelSpace(
    "FERPLUS8",
    ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
)
AFFECTNET8 = LabelSpace(
    "AFFECTNET8",
    ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
)
FER7 = LabelSpace(
    "FER7", ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
)
RAF7 = LabelSpace(
    "RAF7", ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
)
FER6 = LabelSpace("FER6", ("anger", "fear", "happiness", "neutral", "sadness", "surprise"))
"""The Smart Retail report's (unpublished) order: alphabetical, as class folders are numbered."""
FER4 = LabelSpace("FER4", ("happiness", "neutral", "sadness", "surprise"))
EMOTION_ADJECTIVES = {
    "happiness": "happy",
    "surprise": "surprised",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "afraid",
}
"""How a face with the emotion looks, where that is another word."""
SAD_NEUTRAL = ("sadness", "neutral")
"""The two emotions that models of faces take for each other most often."""
NEUTRAL_CONTEMPT = ("neutral", "contempt")
"""Label and prediction of an error that is rare enough to look at each face."""
GENDER2 = LabelSpace("GENDER2", ("female", "male"))
"""The data sets' binary annotation. Called *perceived gender* wherever a person reads it."""

AGE_BINS = 101
"""One-year bins 0-100 of an age distribution head; older ages train the last bin."""
AGE_MAX = 116
"""The oldest age that a data set may state."""

SPACES: dict[str, LabelSpace] = {
    s.name: s for s in (FERPLUS8, AFFECTNET8, FER7, RAF7, FER6, FER4, GENDER2)
}

SPELLINGS = {
    "happy": "happiness",
    "joy": "happiness",
    "smile": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "mad": "anger",
    "surprised": "surprise",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "contemptuous": "contempt",
    "calm": "neutral",
    "f": "female",
    "woman": "female",
    "m": "male",
    "man": "male",
}

# Columns of FER+'s label.csv after file name and box (Barsoum et al., arXiv 1608.01041): eight
# emotions and two ways out.
FERPLUS_VOTES = (*FERPLUS8.labels, "unknown", "not_a_face")

# UTKFace file names: age_gender_race_time.jpg (Zhang et al., CVPR 2017).
UTKFACE_GENDER = ("male", "female")
UTKFACE_RACE = ("White", "Black", "Asian", "Indian", "Others")

# FER2013's codes 0-6 are FER7 (Goodfellow et al., arXiv 1307.0414); RAF-DB's codes 1-7 are RAF7 (Li
# et al., CVPR 2017).
# AffectNet's codes 0-10: AFFECTNET8 and three ways out (Mollahosseini et al., TAC 2017).
AFFECTNET_CODES = (*AFFECTNET8.labels, "none", "uncertain", "no_face")
RAFDB_GENDER = ("male", "female", "unsure")
RAFDB_RACE = ("Caucasian", "African-American", "Asian")
RAFDB_AGE = ("00-03", "04-19", "20-39", "40-69", "70+")

# EmoReact's columns (Nojavanasghari et al., ICMI 2016); a valence comes after them.
EMOREACT = (
    "curiosity",
    "uncertainty",
    "excitement",
    "happiness",
    "surprise",
    "disgust",
    "fear",
    "frustration",
)

# FairFace's age bins in years, the ends included (Karkkainen and Joo, WACV 2021); the last is "more
# than 70".
FAIRFACE_AGE = ((0, 2), (3, 9), *((low, low + 9) for low in range(10, 70, 10)), (70, AGE_MAX))

# IMDB-WIKI (Rothe et al., IJCV 2016) and All-Age-Faces (Cheng et al., 2019) write 0 and 1.
IMDBWIKI_GENDER = ("female", "male")
AAF_GENDER = ("female", "male")

# Two letters in the file names of JAFFE (Lyons et al., 1998) and KDEF (Lundqvist et al., 1998), for
# instance KA.AN1.39.tiff, AF01AFS.JPG.
JAFFE_CODES = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
JAFFE_GENDER = "female"
"""All ten models are women."""
KDEF_CODES = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
KDEF_ANGLES = {
    "FL": "full left",
    "HL": "half left",
    "S": "straight",
    "HR": "half right",
    "FR": "full right",
}
OULU_ONSET = "neutral"
"""What the first frame of each Oulu-CASIA sequence shows (Zhao et al., IVC 2011)."""


def collapse(p: np.ndarray, source: LabelSpace, target: LabelSpace) -> np.ndarray:
    """Return probabilities of `source` as probabilities of `target`.

    Classes go by name; classes without a counterpart are left out and the rest is renormalised.

    Args:
        p: probabilities (..., len(source)).
        source: the space of `p`.
        target: the space of the result.

    Returns:
        Probabilities (..., len(target)).

    Raises:
        DataError: a class of `target` does not exist in `source`, or no probability is left.
    """
    if p.shape[-1] != len(source):
        raise DataError(
            f"Expected {len(source)} probabilities of {source.name}, got shape {p.shape}."
        )
    selected = p[..., [source.index(label) for label in target.labels]]
    total = selected.sum(axis=-1, keepdims=True)
    if (total <= 0).any():
        raise DataError(
            f"Expected some probability on {target.labels} to be left of {source.name}, got none."
        )
    collapsed: np.ndarray = selected / total
    return collapsed


def age_decade(age: float) -> str:
    """Return the ten-year band of an age, e.g. '20-29'; everything from 80 on is '80+'."""
    return "80+" if age >= 80 else f"{int(age) // 10 * 10:02d}-{int(age) // 10 * 10 + 9:02d}"
