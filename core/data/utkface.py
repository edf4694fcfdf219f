"""UTKFace: age, gender and race in the file name (Zhang et al., CVPR 2017).

age_gender_race_time.jpg or .jpg.chip.jpg, 200x200 colour. It has no official split. Ours is
80/10/10, decided by a hash, so it is the same on every machine. The same photograph often appears
more than once, so near duplicates (perceptual hash) form one cluster, and a cluster never straddles
two splits. The name without its folder decides. The publishers' folders part1 to part3 hold the
photographs that the crops (.chip.jpg) were cut from.
"""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np

from core import image as images
from core.artifacts.downloads import cache_dir
from core.data.base.files import matching_files
from core.data.base.origin import RESEARCH, Origin
from core.data.base.rows import Row, build
from core.data.base.samples import Problem, Samples, check_split, locate
from core.data.base.splits import OURS, split_of
from core.errors import DataError, ImageError
from core.files import write_atomic
from core.labels import AGE_MAX, GENDER2, UTKFACE_GENDER, UTKFACE_RACE

SPLITS = OURS
ORIGIN = Origin(
    "UTKFace",
    "Zhang et al., CVPR 2017",
    RESEARCH,
    labels={
        "gender": "the data set's binary annotation by look",
        "age": "apparent age in mostly posed pictures from the web",
    },
    more={"age": "Errors grow with age, and few pictures show people over 80."},
    note="UTKFace has no official split: ours is 80/10/10 with near duplicates on one side.",
)
NAME = re.compile(
    r"(?P<picture>(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d{8,20})"
    r"(\.(jpe?g|png))?(\.chip)?\.(jpe?g|png)",
    re.IGNORECASE,
)
FORM = "age_gender_race_time.jpg"
WHOLE_PHOTOGRAPHS = ("part1", "part2", "part3")
NEAR = 4
"""Bits of 64 by which the perceptual hashes of near duplicates may differ."""


def load(root: str | Path, split: str) -> Samples:
    """Return the pictures of one split; `all` needs no hashing.

    Malformed names are listed in `problems` and skipped.

    Raises:
        DataError: no folder, no picture with a well-formed name, or an empty split.
    """
    check_split(split, SPLITS)
    root = locate(root, "utkface")
    matches, problems = matching_files(root, NAME, FORM)
    files: dict[str, str] = {}  # copies on Kaggle hold the same pictures in several folders
    rows: list[Row] = []
    for file, match in sorted(matches.items(), key=lambda item: (item[0].count("/"), item[0])):
        if int(match["age"]) > AGE_MAX:
            problems.append(Problem(file, f"an age over {AGE_MAX}"))
        elif (first := files.setdefault(match["picture"], file)) != file:
            problems.append(Problem(file, f"the same picture as {first!r}"))
        else:
            rows.append(
                Row(
                    file,
                    gender=GENDER2.index(UTKFACE_GENDER[int(match["gender"])]),
                    age=float(match["age"]),
                    groups={"race": UTKFACE_RACE[int(match["race"])]},
                )
            )
    in_photographs = [
        PurePosixPath(row.file).parent.name in WHOLE_PHOTOGRAPHS and ".chip." not in row.file
        for row in rows
    ]
    samples = build(
        "utkface",
        split,
        root,
        rows,
        problems,
        tight=not all(in_photographs),
        hint=f"names are {FORM}; try --data DIR, the folder that holds them or `utkface/`",
    )
    if split == "all":
        return samples
    in_split = assign(list(samples.ids), clusters(_hashes(samples))) == split
    if not in_split.any():
        raise DataError(
            f"Expected pictures for the {split} split of utkface in {root}, got none of "
            f"{len(in_split)}, as a hash divides them 80/10/10; try --split all, or `restratify`."
        )
    return samples.take(np.flatnonzero(in_split))


def assign(ids: list[str], cluster: np.ndarray) -> np.ndarray:
    """Return the split of each sample (N,): 80 % train, 10 % val, 10 % test.

    The hash of its cluster's first name decides.
    """
    first: dict[int, str] = {}
    for name, c in zip((Path(i).name for i in ids), cluster, strict=True):
        first[c] = min(first.get(c, name), name)
    part = {c: split_of(name) for c, name in first.items()}
    return np.array([part[c] for c in cluster])


def clusters(hashes: np.ndarray) -> np.ndarray:
    """Return the cluster number (N,) of each picture; near duplicates are joined, transitively.

    Args:
        hashes: 64-bit perceptual hashes (N,) uint64; pictures within `NEAR` bits are joined.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = []
    for start in range(0, len(hashes), 512):
        distances = np.bitwise_count(hashes[start : start + 512, None] ^ hashes)  # (512, N)
        a, b = np.nonzero(distances <= NEAR)
        pairs.append(np.stack([a + start, b]))
    a, b = np.concatenate(pairs, axis=1)
    graph = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(len(hashes),) * 2)
    cluster: np.ndarray = connected_components(graph, directed=False)[1]
    return cluster


def _hashes(samples: Samples) -> np.ndarray:
    """Return the perceptual hash of every picture, uint64 (N,).

    Of unreadable files it is the hash of the name. Cached under the data's fingerprint.
    """
    import imagehash
    from PIL import Image

    cached = cache_dir() / f"utkface-phash-{samples.fingerprint[:16]}.npy"
    if cached.is_file():
        loaded: np.ndarray = np.load(cached, allow_pickle=False)
        return loaded

    def phash(path: Path) -> np.uint64:
        try:
            bits = imagehash.phash(Image.fromarray(images.load(path))).hash
        except ImageError:
            # Any constant would join all damaged files; their name keeps them apart.
            return np.uint64(int(hashlib.sha256(path.name.encode()).hexdigest()[:16], 16))
        return np.uint64(np.packbits(bits).view(np.uint64)[0])

    with ThreadPoolExecutor() as pool:
        hashes = np.array(list(pool.map(phash, samples.paths)), np.uint64)
    cached.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(cached, lambda path: np.save(path, hashes, allow_pickle=False))
    return hashes
