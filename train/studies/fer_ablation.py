"""The FER notebook's way from its first network to its last: what each change is worth."""

from train.studies._fer import PHASE_1, PHASE_2, PHASE_3, SOURCE
from train.study.definition import Study, StudyMember

STUDY = Study(
    title="FER notebook: 0, A, B, C, B+, B++",
    source=SOURCE,
    members=(
        StudyMember("fer_cnn_0", remark=PHASE_1),
        StudyMember("fer_cnn_a", remark=PHASE_2),
        StudyMember("fer_cnn_b", remark=PHASE_2),
        StudyMember("fer_cnn_c", remark=PHASE_2),
        StudyMember("fer_cnn_b_plus", remark=PHASE_3),
        StudyMember("fer_cnn_b_plus_plus", remark=PHASE_3),
    ),
)
