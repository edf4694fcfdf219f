"""The FER notebook's question of depth: five blocks (D) against three (B+).

The plain three (A) stand beside them.
"""

from train.studies._fer import PHASE_2, PHASE_3, SOURCE
from train.study.definition import Study, StudyMember

STUDY = Study(
    title="FER notebook: three blocks or five",
    source=SOURCE,
    members=(
        StudyMember("fer_cnn_b_plus", remark=PHASE_3),
        StudyMember("fer_cnn_d", remark=PHASE_3),
        StudyMember("fer_cnn_a", remark=PHASE_2),
    ),
)
