"""Text from files and networks on a terminal: what would steer it is written out.

A label, a column or a file's name can hold escape sequences (ECMA-48) that set the terminal's title
or the clipboard, or a change of direction (UAX 9) that makes a name read as another.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LINE_SEPARATORS = ("Zl", "Zp")


def printable(text: str, *, keep: str = "\n\t") -> str:
    r"""Return a text with control characters and broken encodings written out, such as `\x1b`.

    Args:
        text: Any.
        keep: Control characters that stay.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or _is_harmless(c) else _written_out(c) for c in text)


def _is_harmless(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] != "C" and category not in LINE_SEPARATORS


def _written_out(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


@cache
def console_class() -> type[Console]:
    """Return a console of rich, imported with the first call, that prints only `printable` text."""
    from rich.console import Console

    class PrintableConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable(text), **options)

    return PrintableConsole
