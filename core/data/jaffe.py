"""JAFFE: 213 grey pictures of 256x256, ten Japanese women posing seven emotions.

Lyons, Akamatsu, Kamachi, Gyoba, FG 1998. File names, in any folder: KA.AN1.39.tiff is model KA,
anger, first pose, number 39. The publishers' TIFFs, which nothing else here needs to read, are
written as PNGs into the user's cache once, keyed by their bytes. There is no official split: ours
never divides a model, so with ten models one is val and one is test.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from core import image as images
from core.data.base.files import SUFFIXES, cached_folder, matching_files, suffix, survey
from core.data.base.origin import Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, by_subject
from core.labels import FERPLUS8, GENDER2, JAFFE_CODES, JAFFE_GENDER

NAME = re.compile(
    rf"([A-Z]{{2}})\.({'|'.join(JAFFE_CODES)})(\d)\.(\d{{1,3}})\.(tiff?|png|jpe?g|bmp)",
    re.IGNORECASE,
)
TIFF = (".tif", ".tiff")
MAX_BYTES = 8 * 2**20
SPLITS = OURS
ORIGIN = Origin(
    "JAFFE",
    "Lyons, Akamatsu, Kamachi and Gyoba, FG 1998",
    "non-commercial scientific research",
    labels={
        "emotion": "what ten women were asked to pose",
        "gender": "the publishers' word that all ten are women",
    },
    note="JAFFE has no official split: ours never divides a person.",
)


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split. Group: `subject`.

    Raises:
        DataError: no file is named as the publishers name them, or the split is empty.
    """
    check_split(split, SPLITS)
    root = locate(root, "jaffe")
    form = "MODEL.CODE.NUMBER.tiff such as KA.AN1.39.tiff"
    matches, problems = matching_files(root, NAME, form, (*SUFFIXES, *TIFF))
    targets = {name: name for name in matches}
    if any(suffix(name) in TIFF for name in matches):
        source = root
        targets = {name: f"{name}.png" if suffix(name) in TIFF else name for name in matches}
        content, closed = survey(root, (), matches)
        problems += [Problem(name, reason) for name, reason in closed.items()]
        matches = {name: match for name, match in matches.items() if name not in closed}
        root = cached_folder(
            f"jaffe-{content[:16]}",
            lambda folder: _convert(source, {name: targets[name] for name in matches}, folder),
        )
    splits = by_subject(m[1].upper() for m in matches.values())
    rows = [
        Row(
            targets[name],
            FERPLUS8.index(JAFFE_CODES[match[2].upper()]),
            GENDER2.index(JAFFE_GENDER),
            groups={"subject": match[1].upper()},
        )
        for name, match in matches.items()
        if split in ("all", splits[match[1].upper()])
    ]
    return build("jaffe", split, root, rows, problems, tight=False)


def _convert(source: Path, targets: dict[str, str], folder: Path) -> None:
    """Write every picture into `folder`; an unreadable one is empty, which `build` reports."""
    for name, target in targets.items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        data = (source / name).read_bytes() if (source / name).stat().st_size <= MAX_BYTES else b""
        if suffix(name) in TIFF:
            data = _png(data)
        path.write_bytes(data)


def _png(tiff: bytes) -> bytes:
    out = BytesIO()
    try:
        Image.fromarray(images.load(TiffImageFile(BytesIO(tiff)))).convert("L").save(out, "PNG")
    except Exception:  # Pillow raises almost any type on damaged files
        return b""
    return out.getvalue()
