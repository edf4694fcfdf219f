"""Decoding of text files whose encoding nobody states."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from core.errors import DataError

SAMPLE_BYTES = 2**16
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
LATIN = ("cp1252", "latin_1", "iso8859_15", "mac_roman", "cp437", "cp850", "cp858")
"""Encodings of western texts that a few accented letters do not tell apart."""
OTHERS = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "koi8_r", "iso8859_2", "iso8859_5"),
    *("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)
NEAR_LATIN = ("cp1250", "cp1254", "iso8859_2")
"""Encodings of other texts with few accented letters."""
MIN_ZERO_SHARE = 0.3
"""Share of zero bytes at even or at odd places from which a text is UTF-16."""


def decode(content: bytes) -> tuple[str, str]:
    """Return a text file's text, and the name of its encoding.

    Raises:
        DataError: it is no text.
    """
    for bom, codec, name in BOMS:
        if content.startswith(bom):
            return _decode(content, codec), name
    sample = content[:SAMPLE_BYTES]
    for codec, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if zeros and zeros.count(0) > MIN_ZERO_SHARE * len(zeros):
            return _decode(content, codec), "UTF-16"
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    lines = [line for line in content.splitlines(keepends=True) if not line.isascii()]
    accented = b"".join(lines)[:SAMPLE_BYTES]
    match = from_bytes(accented, cp_isolation=[*LATIN, *OTHERS]).best()
    codec = "cp1252" if match is None or match.encoding in LATIN else match.encoding
    is_scattered = not re.search(rb"[\x80-\xff]{4}", accented)
    if is_scattered and codec not in NEAR_LATIN:
        codec = "cp1252"  # a Greek, Cyrillic or Asian word has more such bytes in a row
    if codec != "cp1252" and accented.decode("cp1252", "replace") == str(match):
        codec = "cp1252"  # the same characters
    return _decode(content, codec), {"cp1252": "Windows-1252"}.get(codec, codec)


def _decode(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if codec == "cp1252":  # five bytes have no character there
            return content.decode("latin-1")
        raise DataError(
            f"Expected text in {codec}, got another byte at place {error.start:,}; save the file "
            "as UTF-8."
        ) from None
