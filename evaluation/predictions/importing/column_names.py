"""Names of columns: the usual ones, in words of lower case, and those that a task has in a file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

GENERIC = "label"
"""The task of a table that names none."""
FIXED = ("sample_id", "dataset", "split", "model", "path", "face_found", "embedding")
ID_NAMES = (
    *("sample_id", "id", "sample", "filename", "file_name", "file", "filepath", "file_path"),
    *("image", "image_path", "image_id", "image_name", "img", "img_path", "img_name", "path"),
    *("picture", "photo", "key", "uid", "uuid", "name"),
)
FIXED_NAMES = {
    "model": ("model_name", "classifier"),
    "dataset": ("data_set", "dataset_name"),
    "split": ("subset", "partition", "fold"),
}
INDEX_NAMES = ("", "index", "level_0")
TRUE_WORDS = (
    *("y_true", "ytrue", "true", "truth", "ground_truth", "groundtruth", "gt", "actual"),
    *("label", "labels", "target", "targets", "reference", "references", "annotation"),
    *("expected", "class", "y"),
)
"""The surest word first, as in PRED_WORDS: of several columns it is the truth."""
PRED_WORDS = (
    *("y_pred", "ypred", "y_hat", "yhat", "pred", "preds", "prediction", "predictions"),
    *("predicted", "predict", "hypothesis", "guess", "top1", "dominant", "output"),
)
SCORE_WORDS = ("y_score", "y_prob", "y_proba", "score", "prob", "probability", "confidence")
"""One probability a row, of the second of two classes."""
LIST_WORDS = (
    *("probabilities", "probability", "probs", "prob", "proba", "scores", "logits", "softmax"),
    *("y_prob", "y_proba", "y_score", "outputs", "confidences", "predict_proba", "p"),
)
P_WORDS = (
    *("probabilities", "probability", "probs", "prob", "proba", "scores", "score", "logits"),
    *("logit", "softmax", "confidence", "conf", "p"),
)
PROBABILITY = re.compile(
    rf"(?:(?P<task>[a-z]\w*?)[_.\- ])??(?:{'|'.join(P_WORDS)})[_.\- :](?P<label>.+)", re.I
)
"""The first word for a probability counts, as the label may have another: `prob_x_p_y`."""
BARE_TASKS = ("emotion", "expression", "gender", "sex", "age")
"""Names of columns that are a task's truth or prediction, whichever the table lacks."""
SAME_TASK = {"expression": "emotion", "sex": "gender"}


def slug(name: str) -> str:
    """Return a column's name in lower case with `_` between its words, e.g. `y_true`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


@dataclass(slots=True)
class TaskColumns:
    """The columns of one task, by their names in the file; "" where there is none.

    Attributes:
        p: label as its column has it -> column of its probability.
        list_column: one column with all probabilities in a list.
        score: one probability a row, of the second of two classes.
    """

    true: str = ""
    pred: str = ""
    low: str = ""
    high: str = ""
    p: dict[str, str] = field(default_factory=dict)
    list_column: str = ""
    score: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there are a truth and a prediction."""
        return bool(self.true and (self.pred or self.p or self.list_column or self.score))

    @property
    def names(self) -> list[str]:
        """All of its columns."""
        single = [self.true, self.pred, self.low, self.high, self.list_column, self.score]
        return [c for c in (*single, *self.p.values()) if c]

    @property
    def overruled(self) -> list[str]:
        """Probabilities that are not used, as a better column has them or the prediction."""
        score = self.score if self.pred or self.p or self.list_column else ""
        return [c for c in (score, self.list_column if self.p else "") if c]
