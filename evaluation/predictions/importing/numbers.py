"""Numbers in text cells: decimal commas, thousands separators, percent signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Column: TypeAlias = pa.ChunkedArray | pa.Array

POINT = r"^[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d*)?([eE][+-]?\d+)?$"
COMMA = r"^[+-]?(\d+|\d{1,3}([. ]\d{3})+)?(,\d*)?([eE][+-]?\d+)?$"
THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """Float64 values of a column of texts, and whether each was written with a percent sign."""

    values: pa.Array
    has_percent_sign: bool = False


def parse(column: Column, delimiter: str = ",") -> Parsed | None:
    """Return a column's numbers; None where a cell is anything else.

    Args:
        column: numbers, or texts with nulls.
        delimiter: of the file: `1,234` in a cell is a decimal comma unless commas separate cells.
    """
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_boolean(flat.type):
        return None
    if pa.types.is_integer(flat.type) or pa.types.is_floating(flat.type):
        values = flat.cast(pa.float64())
        return Parsed(pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values))
    if not pa.types.is_string(flat.type):
        return None
    try:
        return Parsed(flat.cast(pa.float64()))
    except pa.ArrowException:
        pass
    texts = pc.replace_substring(pc.replace_substring(flat, "\u2212", "-"), "\u00a0", " ")
    has_percent = bool(pc.all(pc.ends_with(texts, "%")).as_py()) and texts.null_count < len(texts)
    if has_percent:
        texts = pc.utf8_rtrim(texts, characters="% ")
    return _with_separators(texts, delimiter, has_percent)


def _with_separators(texts: pa.Array, delimiter: str, has_percent: bool) -> Parsed | None:
    try:
        return Parsed(texts.cast(pa.float64()), has_percent)
    except pa.ArrowException:
        pass
    is_comma = _all(texts, COMMA) and (
        delimiter != "," or not _all(pc.filter(texts, pc.match_substring(texts, ",")), THOUSANDS)
    )
    if is_comma:
        plain = pc.replace_substring_regex(texts, "[. ]", "")
        plain = pc.replace_substring(plain, ",", ".")
    elif _all(texts, POINT):
        plain = pc.replace_substring(texts, ",", "")
    else:
        return None
    try:
        return Parsed(plain.cast(pa.float64()), has_percent)
    except pa.ArrowException:
        return None


def _all(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(texts, pattern)).as_py())


def is_whole(values: pa.Array) -> bool:
    """Return whether all numbers are whole, so that they may be codes of classes."""
    array = values.drop_null().to_numpy(zero_copy_only=False)
    return bool(np.isfinite(array).all() and (array == np.round(array)).all())
