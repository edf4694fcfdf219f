"""The FER notebook's transfer learning: three frozen ImageNet networks at 224 px.

Its own plain network A at 48 px stands beside them.
"""

from train.studies._fer import PHASE_2, PHASE_3, SOURCE
from train.study.definition import Study, StudyMember

STUDY = Study(
    title="FER notebook: frozen ImageNet networks or one's own",
    source=SOURCE,
    members=(
        StudyMember("fer_vgg16", remark=PHASE_3),
        StudyMember("fer_resnet50v2", remark=PHASE_3),
        StudyMember("fer_efficientnet_b0", remark=PHASE_3),
        StudyMember("fer_cnn_a", remark=PHASE_2),
    ),
)
