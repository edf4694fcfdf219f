"""The flagship's last stage with one choice undone or added each: its teachers, their word on missing labels, the augmentation, mixup.

All begin at the weights of runs/mien_third, so a few epochs say more about the end of a long training than about its start.
"""

from train.study import Member, Study


def _but(name: str, *sets: str, remark: str) -> Member:
    return Member("mien", name=f"mien_{name}", sets=sets, remark=remark)


STUDY = Study(
    title="The flagship's last stage, one choice changed each",
    source="ours: issue 6",
    figures=("emotion_accuracy", "gender_accuracy", "age_mae"),
    members=(
        Member("mien", name="mien_as_it_is", remark="two teachers; share 0.5, missing 0.5"),
        _but("alone", "distill.teachers=()", remark="no teachers: labels alone"),
        _but("itself", "distill.teachers=('runs/mien_third',)", remark="one teacher: what it began as"),
        _but("labelled", "distill.missing=0.0", remark="two teachers, but only where there is a label"),
        _but("once", "model.options.mirror=false", remark="the picture alone, without its mirror image"),
        _but(
            "strong", "augment.rotate=13.0", "augment.shift=0.09", "augment.zoom=0.15", "augment.light=0.25", "augment.erase=0.4",
            "augment.erase_max=0.25", "model.options.dropout=0.35", remark="mien_second's augmentation and dropout",
        ),
        _but("mixup", "mix.mixup=0.2", "mix.probability=0.5", remark="mixup of half of the batches"),
    ),
)  # fmt: skip
