"""MobileOne-S2: ten configurations, as a script of the Smart Retail report (unpublished) tries.

The report names the script (`train_10x_automated.py`, "10 configurations") and lists none of them.
It names two trainings, which stand first: the quick one (batch 16) and the full one (batch 32);
within a study the number of epochs is equal. The eight others are **ours**: the quick one with one
thing changed each, the things that such a script would try.
"""

from train.study.definition import Study, StudyMember

OURS = (
    "ours: the report speaks of ten configurations and lists none; as the quick one, but for what "
    "the name says"
)


def _but(name: str, *sets: str) -> StudyMember:
    """Return the quick training with `sets` changed."""
    return StudyMember("mobileone_s2_quick", name=f"mobileone_s2_{name}", sets=sets, remark=OURS)


STUDY = Study(
    title="MobileOne-S2: ten configurations",
    source="the Smart Retail report (unpublished)",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember(
            "mobileone_s2_quick",
            remark="no validation figure; 3,436 pictures with synthetic ages and genders",
        ),
        StudyMember(
            "mobileone_s2", remark="hoped for with UTKFace and all of FER2013, not measured"
        ),
        _but("lr_3e-4", "optim.lr=3e-4"),
        _but("lr_3e-3", "optim.lr=3e-3"),
        _but("dropout_0", "model.options.dropout=0.0"),
        _but("dropout_0.5", "model.options.dropout=0.5"),
        _but("cosine", "schedule.kind=cosine"),
        _but("adamw", "optim.name=adamw", "optim.weight_decay=0.05"),
        _but("ema", "ema=0.998"),
        _but("size_112", "input.size=112"),
    ),
)
