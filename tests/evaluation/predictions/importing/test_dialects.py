"""A table in any dialect of CSV, any encoding and any packing reads as the same values."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from evaluation.predictions.importing import ImportOptions, import_predictions

WORDS = (
    st.text("abcdefgh éöß,;|\"'\n.-", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda t: t and t[0] not in "'-" and any(c.isalpha() for c in t))
    .filter(lambda t: not re.search("[éöß]{2}", t))
)
NUMBERS = st.floats(0, 1).map(lambda x: round(x, 4))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(WORDS, st.sampled_from("xyz"), st.sampled_from("xyz"), NUMBERS),
        min_size=3,
        max_size=12,
        unique_by=lambda r: r[0],
    ),
    delimiter=st.sampled_from(",;\t|^"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    title=st.sampled_from(["", "Results of run 7"]),
    names_delimiter=st.booleans(),
    packing=st.sampled_from(["", "gz", "zip"]),
    comma=st.booleans(),
)
def test_values_are_those_that_were_written(
    tmp_path: Path,
    rows: list[tuple[str, str, str, float]],
    delimiter: str,
    encoding: str,
    line_end: str,
    title: str,
    names_delimiter: bool,
    packing: str,
    comma: bool,
) -> None:
    out = io.StringIO(newline="")
    if names_delimiter:
        out.write(f"sep={delimiter}{line_end}")
    elif title:
        out.write(title + line_end)
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(["filename", "mask_true", "mask_pred", "yaw_true", "yaw_pred"])
    for name, true, pred, number in rows:
        texts = [f"{v:.4f}" for v in (number, number + 0.25)]
        texts = [t.replace(".", ",") for t in texts] if comma else texts
        writer.writerow([name, true, pred, *texts])
    content = out.getvalue().encode(encoding)
    path = tmp_path / f"t.csv{'.' if packing else ''}{packing}"
    if packing == "gz":
        content = gzip.compress(content)
    if packing == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("folder/t.csv", content)
        content = packed.getvalue()
    path.write_bytes(content)
    table = import_predictions(path, ImportOptions(regressions=("yaw",))).table
    assert table["sample_id"].to_pylist() == [r[0] for r in rows]
    assert table["mask_true"].to_pylist() == [r[1] for r in rows]
    assert table["mask_pred"].to_pylist() == [r[2] for r in rows]
    assert table["yaw_true"].to_pylist() == pytest.approx([r[3] for r in rows])
    assert table["yaw_pred"].to_pylist() == pytest.approx([r[3] + 0.25 for r in rows])


def zipped(*names: str, content: bytes = b"y_true,y_pred\na,a\nb,b\n") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


REFUSED = {
    "nested zip": (zipped("a.zip", content=zipped("a.csv")), "unpack it first"),
    "two tables": (zipped("a.csv", "b.csv"), "choose one"),
    "gzip bomb": (gzip.compress(bytes(2**27)), "at most 64 MB"),
    "zip bomb": (zipped("a.csv", content=bytes(2**27)), "at most 64 MB"),
    "pickle": (b"\x80\x04\x95abc", "a pickle"),
    "web page": (b"<!DOCTYPE html><html></html>", "web page"),
    "many columns": ((",".join(f"c{i}" for i in range(100_000)) + "\n").encode(), "at most 2,000"),
    "only a header": (b"y_true,y_pred\n", "no row"),
    "nothing": (b"", "got none"),
    "ragged": (b"y_true,y_pred\na,a\nb,b,b,b\n", "2 cells in each row"),
    "a name twice": (b"y_true,y_pred,y_pred\na,a,b\n", "'y_pred' twice"),
    "an id twice": (b"sample_id,y_true,y_pred\n1,a,a\n1,b,b\n", r"rows \[1, 2\]"),
    "no prediction": (b"y_true,other\na,a\n", "--map emotion_pred=COLUMN"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=words) as error:
        import_predictions(tmp_path / "t.csv")
    assert "\n" not in str(error.value)


def test_a_path_in_an_archive_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "t.zip").write_bytes(zipped("../../escape.csv"))
    assert len(import_predictions(tmp_path / "t.zip").table) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["t.zip"]
