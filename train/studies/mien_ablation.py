"""The flagship's last stage, one choice changed each: augmentation, and context around a face.

All begin at the weights of runs/mien_fourth, so a few epochs say more about the end of a long
training than about its start.
"""

from train.study.definition import Study, StudyMember

STUDY = Study(
    title="The flagship's last stage, one choice changed each",
    source="ours",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember("mien_plain", remark="48 px, without flip averaging"),
        StudyMember("mien_strong", remark="mien_plain, more augmentation and dropout"),
        StudyMember("mien_wide", remark="mien_strong, faces drawn at 0.9 of their size"),
    ),
)
