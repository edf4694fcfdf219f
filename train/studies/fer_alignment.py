"""The FER notebook's networks on raw pictures, as published, and on aligned faces."""

from train.studies._fer import PHASE_2, PHASE_3, SOURCE
from train.study.definition import Study, StudyMember


def _both(recipe: str, remark: str) -> tuple[StudyMember, StudyMember]:
    """Return a network as published, and with faces aligned, for which the source has no figure."""
    aligned = ("input.align=true", "expected={}")
    return (
        StudyMember(recipe, remark=remark),
        StudyMember(recipe, name=f"{recipe}_aligned", sets=aligned),
    )


STUDY = Study(
    title="FER notebook: raw pictures or aligned faces",
    source=SOURCE,
    members=(*_both("fer_cnn_a", PHASE_2), *_both("fer_cnn_b_plus", PHASE_3)),
)
