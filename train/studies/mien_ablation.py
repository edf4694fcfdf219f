"""The shipped model's recipe, one choice changed each, from the same weights on equal budgets.

Every member sees 64,000 pictures, a tenth of what `mien` sees in its twelve epochs, so differences
are those after a short training. Three members whose effects were among the largest with one seed,
and what they are measured against, are trained with three.
"""

from train.study.definition import Study, StudyMember

BUDGET = ("epochs=2", "sampling.epoch_samples=32000")


def _changed(name: str, *changes: str, seeds: int = 1, remark: str = "") -> StudyMember:
    return StudyMember("mien", name, (*BUDGET, *changes), seeds=seeds, remark=remark)


STUDY = Study(
    title="The shipped model, one choice changed each",
    source="ours",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    baseline="mien_short",
    members=(
        _changed("mien_short", seeds=3, remark="`mien` as it is, 2 epochs of 32,000 pictures"),
        _changed(
            "without_fer2013_labels",
            "data=ferplus,utkface,fairface,appa_real",
            "sampling.weights={'ferplus': 0.42, 'utkface': 0.32, 'fairface': 0.2, "
            "'appa_real': 0.06}",
            seeds=3,
            remark="emotions from FER+'s votes alone",
        ),
        _changed("without_fairface", "data=ferplus_fer2013,utkface,appa_real", seeds=3),
        _changed("without_appa_real", "data=ferplus_fer2013,utkface,fairface"),
        _changed("without_teacher", "distill.teachers=", seeds=3, remark="labels alone"),
        _changed(
            "ages_as_points",
            "losses.age.name=age_distribution",
            remark="FairFace's ages as the middle of their bins",
        ),
        _changed(
            "sharp_pictures",
            "augment.lowres=0",
            "augment.blur=0",
            "augment.noise=0",
            "augment.jpeg=0",
            remark="augmentation without low resolution, blur, noise and JPEG",
        ),
        _changed(
            "datasets_by_size",
            "sampling.order=shuffle",
            remark="data sets drawn by their size, so FairFace and APPA-REAL less often",
        ),
        _changed("colour", "input.channels=3", remark="RGB crops; FER+'s pictures are grey"),
    ),
)
