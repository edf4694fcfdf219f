"""The FER notebook's question of colour: one grey channel or three equal ones.

The images have no colour.
"""

from train.studies._fer import SOURCE, THIRD_SPLIT
from train.study.definition import Study, StudyMember

STUDY = Study(
    title="FER notebook: grey or RGB input",
    source=SOURCE,
    members=tuple(
        StudyMember(name, remark=f"{THIRD_SPLIT}, best of up to 30 epochs")
        for name in ("fer_cnn_grey", "fer_cnn_rgb")
    ),
)
