"""Option D of the 76.49 % report: what each further data set is worth.

Every member is validated on the same pictures, those of the network at 76.49 %.
"""

from train.recipes.production_b0_more import RECIPE as MORE
from train.study.definition import Study, StudyMember

HOPED = "hoped for with all of them, not measured: 78 to 80 %"


def _with(name: str) -> StudyMember:
    """Return the network at 76.49 % with one more data set."""
    sets = (f"data={','.join((*MORE.validation, name))}", "expected={}")
    return StudyMember("production_b0_more", name=f"production_b0_{name}", sets=sets)


STUDY = Study(
    title="More data",
    source="the 76.49 % report (unpublished), option D",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember(
            "production_b0",
            remark=(
                "on FER2013, UTKFace and RAF-DB; the report does not say on which part, best of "
                "150 epochs"
            ),
        ),
        *(_with(name) for name in MORE.data if name not in MORE.validation),
        StudyMember("production_b0_more", remark=HOPED),
    ),
)
