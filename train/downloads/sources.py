"""Where each data set can be had: the publishers' address and terms, and what may be downloaded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core import registry
from core.data.base.origin import Origin
from core.errors import UserError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a publisher.

    Attributes:
        url: its address.
        name: relative to the data set's folder.
        sha256: of its bytes; empty where the publisher gives none.
        unpack: an archive (.zip, .tar) that is unpacked beside it.
    """

    url: str
    name: str
    sha256: str = ""
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """How a data set is had.

    Attributes:
        page: the publishers' address, with the terms.
        kaggle: name of a copy on Kaggle, which is fetched by kagglehub.
        files: fetched from the publisher.
        agreement: the publishers want a signed agreement, so nothing is fetched.
        note: what else has to be done by hand, a sentence.
    """

    page: str
    kaggle: str = ""
    files: tuple[RemoteFile, ...] = ()
    agreement: bool = False
    note: str = ""


FERPLUS_FILES = "https://raw.githubusercontent.com/microsoft/FERPlus/master/data"
FERPLUS = DownloadSource(
    "https://github.com/microsoft/FERPlus",
    files=tuple(
        RemoteFile(f"{FERPLUS_FILES}/{folder}/label.csv", f"{folder}/label.csv")
        for folder in ("FER2013Train", "FER2013Valid", "FER2013Test")
    ),
    note="These are the labels; the pictures are FER2013's: the publishers' "
    "generate_training_data.py writes them beside the labels from fer2013.csv.",
)
ETH = "https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki"
SOURCES = {
    "fer2013": DownloadSource(
        "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
        kaggle="msambare/fer2013",
    ),
    "ferplus": FERPLUS,
    "ferplus_fer2013": replace(
        FERPLUS,
        note=f"{FERPLUS.note} Write fer2013_labels.csv (folder, file, fer2013_label) beside them: "
        "fer2013.csv and FER+'s fer2013new.csv have the same order of rows, one has the label, the "
        "other the file.",
    ),
    "utkface": DownloadSource("https://susanqq.github.io/UTKFace/", kaggle="jangedoo/utkface-new"),
    "all_age_faces": DownloadSource(
        "https://github.com/JingchunCheng/All-Age-Faces-Dataset",
        kaggle="eshachakraborty00/all-age-face-dataset",
    ),
    "imdb_wiki": DownloadSource(
        f"{ETH}/",
        files=tuple(
            RemoteFile(f"{ETH}/static/{part}_crop.tar", f"{part}_crop.tar", unpack=True)
            for part in ("wiki", "imdb")
        ),
    ),
    "wiki": DownloadSource(
        f"{ETH}/",
        files=(RemoteFile(f"{ETH}/static/wiki_crop.tar", "wiki_crop.tar", unpack=True),),
    ),
    "emoreact": DownloadSource("https://github.com/bnojavan/EmoReact", agreement=True),
    "appa_real": DownloadSource(
        "https://chalearnlap.cvc.uab.cat/dataset/26/description/",
        files=(
            RemoteFile(
                "https://data.chalearnlap.cvc.uab.cat/AppaRealAge/appa-real-release.zip",
                "appa-real-release.zip",
                unpack=True,
            ),
        ),
    ),
    "fairface": DownloadSource(
        "https://github.com/joojs/fairface",
        note="The publishers' page links to Google Drive; unpack both archives into one folder, "
        "with the two label lists.",
    ),
    "ffhq_features": DownloadSource(
        "https://github.com/DCGM/ffhq-features-dataset",
        note="The pictures are at https://github.com/NVlabs/ffhq-dataset.",
    ),
    "rafdb": DownloadSource("http://www.whdeng.cn/RAF/model1.html", agreement=True),
    "affectnet": DownloadSource(
        "https://mohammadmahoor.com/pages/databases/affectnet/", agreement=True
    ),
    "jaffe": DownloadSource("https://zenodo.org/records/3451524", agreement=True),
    "kdef": DownloadSource("https://kdef.se", agreement=True),
    "oulu_casia": DownloadSource("http://www.cse.oulu.fi/CMV/Downloads/Oulu-CASIA", agreement=True),
}


def source_of(dataset: str) -> DownloadSource:
    """Return how a data set is had.

    Raises:
        UserError: there is no such data set, or it is nobody's download; names those that are.
    """
    if dataset not in SOURCES:
        raise UserError(
            f"Expected one of {', '.join(sorted(SOURCES))}, got {dataset!r}; other data sets of "
            "core/data are drawn or your own."
        )
    return SOURCES[dataset]


def origin_of(dataset: str) -> Origin:
    """Return name and licence of a data set, as model cards have them."""
    origin: Origin = registry.load("core.data", dataset).ORIGIN
    return origin
