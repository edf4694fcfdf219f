"""The flagship's last stage, one choice changed each: augmentation, and how much is seen around a
face.

All begin at the weights of runs/mien_fourth, so a few epochs say more about the end of a long
training than about its start.
"""

from train.study.definition import Member, Study

STUDY = Study(
    title="The flagship's last stage, one choice changed each",
    source="ours: issue 6",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        Member("mien_plain", remark="48 px, looks once"),
        Member("mien_strong", remark="mien_plain, more augmentation and dropout"),
        Member("mien_wide", remark="mien_strong, faces drawn at 0.9 of their size"),
    ),
)
