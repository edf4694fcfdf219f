"""The networks around the 76.49 % report, and the production guide's B2.

Its predecessor, itself, fine-tuned, and its ensemble's members.
"""

from train.study.definition import Study, StudyMember

HOPED = "hoped for, not measured"
STUDY = Study(
    title="Production networks",
    source="the 76.49 % report and the production training guide (unpublished)",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember(
            "baseline_mobilenetv3", remark="on FER2013 alone; the report does not say on which part"
        ),
        StudyMember(
            "production_b0",
            remark=(
                "on FER2013, UTKFace and RAF-DB; the report does not say on which part, best of "
                "150 epochs"
            ),
        ),
        StudyMember("production_b0_finetune", start="production_b0", remark=f"{HOPED}: 77 to 79 %"),
        StudyMember("production_mobilenetv3", remark=f"{HOPED}: about 75 %"),
        StudyMember("production_vit_tiny", remark=f"{HOPED}: about 77 %"),
        StudyMember(
            "production_b2", remark=f"{HOPED}: the low end of a T4's range, on four data sets"
        ),
    ),
)
