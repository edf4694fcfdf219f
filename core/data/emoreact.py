"""EmoReact: 1,102 videos of 63 children aged four to fourteen (Nojavanasghari et al., ICMI 2016).

Layout of version 1.0, as published programs read it: EmoReact_V_1.0/Data/Train, Validation and Test
with NAME.mp4; Labels/train_names.txt with one video a line; Labels/train_labels.text with, for the
same lines, eight numbers (above 0 where annotators saw that emotion) and a valence. The lists of
validation begin with val_ or validation_. A video may have several of the eight emotions. Kept are
videos with exactly one that other data sets have too: happiness, surprise, disgust or fear. Three
frames of each video, at a quarter, half and three quarters of it, are written as PNGs into the
user's cache once. The split is the publishers'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import cv2

from core.data.base.class_folders import split_name
from core.data.base.files import cached_folder, files, suffix, survey
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS
from core.errors import DataError
from core.labels import EMOREACT, FERPLUS8

PREFIXES = {"train": ("train",), "val": ("val", "validation"), "test": ("test",)}
FRAMES = (0.25, 0.5, 0.75)
"""Shares of a video at which its frames are taken."""
SPLITS = OURS
ORIGIN = Origin(
    "EmoReact",
    "Nojavanasghari et al., ICMI 2016",
    f"{RESEARCH}, by agreement with the publishers",
    labels={"emotion": "the one emotion that annotators saw in a video of a child"},
    more={"emotion": "A frame of the video need not show it."},
)


def load(root: str | Path, split: str) -> Samples:
    """Return the frames of one split. Group: `video`.

    Raises:
        DataError: no list of the split, lists of different lengths, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "emoreact", ("Labels",))
    splits = list(PREFIXES) if split == "all" else [split]
    names, problems = files(root)
    videos = {
        (split_name(PurePosixPath(name).parent.name), PurePosixPath(name).stem): name
        for name in names
        if suffix(name) == ".mp4"
    }
    emotions: dict[str, int] = {}
    tables: list[str] = []
    for part in splits:
        lists = _lists(root, part)
        tables += [path.relative_to(root).as_posix() for path in lists]
        for stem, emotion, reason in _read(*lists):
            video = videos.get((part, stem))
            if reason or video is None:
                problems.append(Problem(f"{stem}.mp4", reason or "no such video"))
            else:
                emotions[video] = emotion
    content, closed = survey(root, (), [*emotions, *tables])
    problems += [Problem(name, reason) for name, reason in closed.items()]
    readable = {video: emotion for video, emotion in emotions.items() if video not in closed}
    source = root
    folder = cached_folder(
        f"emoreact-{content[:16]}", lambda target: _write_frames(source, readable, target)
    )
    rows = [
        Row(_frame(video, i), emotion, groups={"video": PurePosixPath(video).stem})
        for video, emotion in readable.items()
        for i in range(len(FRAMES))
    ]
    return build("emoreact", split, folder, rows, problems, tight=False)


def _lists(root: Path, part: str) -> tuple[Path, Path]:
    """Return the lists of names and labels of a split.

    Raises:
        DataError: one of them is missing.
    """
    for prefix in PREFIXES[part]:
        for folder in (root / "Labels", root):
            names = folder / f"{prefix}_names.txt"
            labels = root / "Labels" / f"{prefix}_labels.text"
            if names.is_file() and labels.is_file():
                return names, labels
    raise DataError(
        f"Expected Labels/{PREFIXES[part][0]}_names.txt and Labels/{PREFIXES[part][0]}_labels.text "
        f"in {root}, got not both; try --data DIR or another --split."
    )


def _read(names: Path, labels: Path) -> Iterator[tuple[str, int, str]]:
    """Yield the video, its emotion, and why it is left out, for each line of both lists.

    Raises:
        DataError: the lists have different lengths.
    """
    stems, rows = (
        [line.strip() for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
        for path in (names, labels)
    )
    if len(stems) != len(rows):
        raise DataError(
            f"Expected as many lines in {names} as in {labels}, got {len(stems)} and {len(rows)}; "
            "try the publishers' files."
        )
    for stem, row in zip(stems, rows, strict=True):
        yield PurePosixPath(stem).stem, *_emotion(row.split(","))


def _emotion(cells: Sequence[str]) -> tuple[int, str]:
    """Return the index in FERPLUS8 and an empty text, or -1 and why there is none."""
    try:
        numbers = [float(cell) for cell in cells if cell.strip()]
    except ValueError:
        numbers = []
    if len(numbers) != len(EMOREACT) + 1:
        return -1, f"expected {len(EMOREACT)} emotions and a valence, got {','.join(cells)[:60]!r}"
    annotated = [label for label, number in zip(EMOREACT, numbers, strict=False) if number > 0]
    if len(annotated) == 1 and annotated[0] in FERPLUS8.labels:
        return FERPLUS8.index(annotated[0]), ""
    return -1, f"annotated as {' and '.join(annotated) or 'none of the emotions'}"


def _frame(video: str, number: int) -> str:
    return f"{video}.{number}.png"


def _write_frames(root: Path, videos: Mapping[str, int], folder: Path) -> None:
    """Write the frames of every video; of an unreadable one empty files, which `build` reports."""
    for video in videos:
        capture = cv2.VideoCapture(str(root / video))
        n = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        for i, share in enumerate(FRAMES):
            capture.set(cv2.CAP_PROP_POS_FRAMES, int(share * n))
            is_read, picture = capture.read()
            target = folder / _frame(video, i)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(cv2.imencode(".png", picture)[1].tobytes() if is_read else b"")
        capture.release()
