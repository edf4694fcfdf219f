"""The usual names of columns, in words of lower case."""

from __future__ import annotations

import re

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
    *("true", "truth", "label", "labels", "target", "targets", "actual", "ground_truth", "gt"),
    *("y_true", "ytrue", "y", "reference", "references", "groundtruth", "annotation", "class"),
    "expected",
)
PRED_WORDS = (
    *("pred", "preds", "prediction", "predictions", "predicted", "y_pred", "ypred", "y_hat"),
    *("yhat", "output", "guess", "dominant", "hypothesis", "top1", "predict"),
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
