"""Two multi-task networks on FER+ and UTKFace.

The first phase of AgeGenderEmo, and EfficientNet-B0 of the 76.49 % report.
"""

from train.study.definition import Study, StudyMember

STUDY = Study(
    title="Two multi-task recipes on FER+ and UTKFace",
    source="the 76.49 % report and the AgeGenderEmo report (unpublished)",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember(
            "agegendernet_utkface", remark="on UTKFace; the report does not say on which part"
        ),
        StudyMember(
            "production_b0",
            sets=("data=('ferplus','utkface')", "model.pretrained=false"),
            remark=(
                "from ImageNet weights on FER2013, UTKFace and RAF-DB, best of 150 epochs; here "
                "from scratch, as no weights can be had"
            ),
        ),
    ),
)
