"""Where a data set comes from, on which terms, and what its labels are, for model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RESEARCH = "non-commercial research"
"""Terms of the pictures of most data sets."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One data set, in words for people.

    Attributes:
        name: as its publishers write it; of pictures without publishers, words for the middle of a
            sentence.
        source: who published it.
        licence: the terms of its pictures, which bind a model too.
        labels: what its labels are, by task (emotion, gender, age) that it has, to be read after
            "Emotion is", "Perceived gender follows" and "Age is".
        more: sentences that go with these.
        pictures: what a network is trained on, where the name does not say it.
        true: how its groups were labelled, to be read after their names; empty: as its labels say.
        note: a last sentence, such as that a split is ours.
    """

    name: str
    source: str
    licence: str
    labels: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    pictures: str = ""
    true: str = ""
    note: str = ""
