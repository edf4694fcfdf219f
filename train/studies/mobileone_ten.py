"""MobileOne-S2 as the Smart Retail report (shared/sources/002) trains it.

The report speaks of "10 configurations" that a script `train_10x_automated.py` tries, and lists none of them. It names two trainings: the
quick one (five epochs, batch 16) and the full one (50 epochs, batch 32). They stand here, and at equal epochs they differ in the batch
alone. The eight others are unknown, so they are not made up; one more is one more `Member` with its `sets`. What the report
names besides, a ResNet-50 teacher and quantisation, is no configuration of this training.
"""

from train.study import Member, Study

STUDY = Study(
    title="MobileOne-S2: the Smart Retail report's configurations",
    source="shared/sources/002",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        Member("mobileone_s2_quick", remark="no validation figure; 3,436 pictures with synthetic ages and genders"),
        Member("mobileone_s2", remark="hoped for with UTKFace and all of FER2013, not measured"),
    ),
)
