"""Paragraphs of every model card that hold no figures."""

from __future__ import annotations

INTENDED_USE = """## What it is for

Research and demonstration on faces of people who have agreed to it: trying out a webcam demo,
studying where such models fail, teaching.

## What it must not be used for

- **Decisions about people**: hiring, access, credit, policing, insurance, medicine, age checks with
  consequences.
- **Emotion inference at work or in education**: forbidden in the European Union (Regulation (EU)
  2024/1689, Article 5(1)(f)), and wrong elsewhere too.
- **Anyone who has not agreed**, or who cannot.
- **Identifying anyone**, or tracking people across pictures.
"""

ON_VALIDATION = """\
- The figures above were measured on **validation** data, which also selected the checkpoint, the
  temperatures and the thresholds: expect somewhat lower figures on unseen data."""
SMALL_GROUPS = (
    "- Groups with few pictures have wide intervals; a difference between two groups whose "
    "intervals overlap may be chance."
)
HARD_FACES = (
    "- The demo abstains on faces under 24 pixels, in the dark, blurred, turned away or cut off: "
    "it shows no prediction."
)
