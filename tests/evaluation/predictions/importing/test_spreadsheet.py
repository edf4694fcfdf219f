"""An Excel sheet reads as the values that its cells hold."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from core.errors import DataError
from evaluation.predictions.importing import ImportOptions, import_predictions

Rows = Sequence[Sequence[str | float | bool | None]]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEADER = ("filename", "mask_true", "mask_pred", "yaw_true", "yaw_pred", "group_fold")
ROWS: Rows = [
    HEADER,
    ("a.jpg", "on", "off", 1.5, 2.5, 1),
    ("b & c.jpg", "off", "off", -3, None, 2),
]


def cell(at: str, value: str | float | bool | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    kind = ' t="b"' if isinstance(value, bool) else ""
    return f'<c r="{at}"{kind}><v>{float(value):g}</v></c>'


def write_workbook(path: Path, sheets: Mapping[str, Rows]) -> None:
    """Write the least that a reader of Office Open XML asks for."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>'
        for i, name in zip(numbers, sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in numbers
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"></Types>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>',
        )
        for i, rows in zip(numbers, sheets.values(), strict=True):
            lines = "".join(
                f'<row r="{r}">{"".join(cell(f"{chr(65 + c)}{r}", v) for c, v in enumerate(row))}'
                "</row>"
                for r, row in enumerate(rows, start=1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{i}.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>',
            )


@pytest.mark.parametrize("title", [(), (("Results of run 7",),)], ids=["header first", "titled"])
def test_values_are_those_of_the_cells(title: Rows, tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    write_workbook(path, {"Empty": [], "Run": [*title, *ROWS], "Old": ROWS})
    imported = import_predictions(path, ImportOptions(regressions=("yaw",)))
    table = imported.table
    assert table["sample_id"].to_pylist() == ["a.jpg", "b & c.jpg"]
    assert table["mask_true"].to_pylist() == ["on", "off"]
    assert table["mask_pred"].to_pylist() == ["off", "off"]
    assert table["yaw_true"].to_pylist() == [1.5, -3.0]
    assert table["yaw_pred"].to_pylist() == [2.5, None]
    assert table["group_fold"].to_pylist() == ["1", "2"]
    notes = " ".join(imported.notes)
    assert "sheet 'Run'" in notes and "left out: Old" in notes
    assert ("1 row above the header" in notes) == bool(title)


def test_booleans_are_classes(tmp_path: Path) -> None:
    rows: Rows = [("glasses_true", "glasses_pred"), (True, False), (False, False)]
    write_workbook(tmp_path / "t.xlsx", {"Run": rows})
    table = import_predictions(tmp_path / "t.xlsx").table
    assert table["glasses_true"].to_pylist() == ["true", "false"]
    assert table["glasses_pred"].to_pylist() == ["false", "false"]


def test_a_workbook_without_rows_is_refused(tmp_path: Path) -> None:
    write_workbook(tmp_path / "t.xlsx", {"Run": []})
    with pytest.raises(DataError, match="a header and rows"):
        import_predictions(tmp_path / "t.xlsx")


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook")
    with pytest.raises(DataError, match="Expected a workbook"):
        import_predictions(tmp_path / "t.xlsx")
