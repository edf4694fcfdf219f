"""The six phases of the AgeGenderEmo report in their order.

Phases 2, 3 and 4 begin with the network of phase 1.
"""

from train.study.definition import Study, StudyMember

FIRST = "agegendernet_utkface"
STUDY = Study(
    title="AgeGenderEmo: six phases",
    source="the AgeGenderEmo report (unpublished)",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        StudyMember(FIRST, remark="phase 1: no figure in the report"),
        StudyMember(
            "agegendernet_emotion_frozen",
            start=FIRST,
            remark="phase 2: no figure in the report, only that it generalised poorly",
        ),
        StudyMember(
            "agegendernet_alternating",
            start=FIRST,
            remark="phase 3: a loss of 3.8627 alone; it diverged",
        ),
        StudyMember("agegendernet_wiki", start=FIRST, remark="phase 4: on 100 pictures of Wiki"),
        StudyMember(
            "agegendernet_emotion",
            remark="phase 5: on 180 pictures of the report's own emotion data",
        ),
        StudyMember(
            "agegendernet_ffhq",
            remark="phase 6: on 9,735 pictures of FFHQ with the labels of a commercial service",
        ),
    ),
)
