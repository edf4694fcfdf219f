"""What the studies of the FER capstone notebook (unpublished) share: the data of its figures."""

SOURCE = "the FER capstone notebook (unpublished)"
PHASE_1 = (
    "4,977 pictures of the course's own split, which the notebook calls contaminated: copies of "
    "training pictures, 25 % of all data, training under validation"
)
PHASE_2 = (
    "1,917 pictures of the notebook's own clean split of FER2013 with FER+ labels, 15,138 to "
    "train on, best of up to 75 epochs"
)
THIRD_SPLIT = (
    "2,191 pictures of the notebook's third split, which has 3,039 AffectNet pictures more, "
    "17,555 to train on"
)
PHASE_3 = f"{THIRD_SPLIT}, best of up to 75 epochs"
