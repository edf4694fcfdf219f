"""Read Protocol Buffers of an untrusted file, strictly: what a schema does not have is refused.

Messages are read as ONNX Runtime reads them or not at all. So a field twice that may stand once,
which its reader would merge, a field of another wire type, which it would skip, and unknown fields
are errors. https://protobuf.dev/programming-guides/encoding has the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import ModelError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; groups (3, 4) are not used by ONNX."""
MAX_FIELDS = 500_000
"""Fields of one file, all messages together."""
MAX_TEXT_BYTES = 4_000
MAX_NUMBERS = 4_096
"""Numbers of one field that is read by value."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a schema says of one field.

    Attributes:
        name: as in the schema.
        wire: its wire type.
        repeated: whether it may stand more than once.
        packed: whether numbers may also stand together as one field of BYTES.
    """

    name: str
    wire: int = BYTES
    repeated: bool = False
    packed: bool = False


Schema = Mapping[int, Field]
Message = dict[str, list["int | memoryview"]]
"""Name of a field -> its values in their order; names of fields that are not there are left out."""


class Reader:
    """Reads messages of one file and counts their fields."""

    def __init__(self) -> None:
        self._fields = 0

    def read(self, data: memoryview, schema: Schema) -> Message:
        """Return the fields of one message.

        Raises:
            ModelError: the bytes are damaged, not of the schema, or have too many fields.
        """
        message: Message = {}
        position, end = 0, len(data)
        while position < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise ModelError(f"Expected a file of at most {MAX_FIELDS:,} fields, got more.")
            key, position = varint(data, position)
            field, wire = schema.get(key >> 3), key & 7
            if field is None:
                raise ModelError(f"Expected fields of ONNX, got number {key >> 3}.")
            value: int | memoryview
            if wire == VARINT:
                value, position = varint(data, position)
            else:
                if wire == BYTES:
                    length, position = varint(data, position)
                elif wire in (FIXED32, FIXED64):
                    length = 4 if wire == FIXED32 else 8
                else:
                    raise ModelError(f"Expected fields of ONNX, got wire type {wire}.")
                if length > end - position:
                    raise ModelError("Expected a complete file, got one that ends too early.")
                value = data[position : position + length]
                position += length
            if wire != field.wire and not (field.packed and wire == BYTES):
                raise ModelError(f"Expected `{field.name}` in another form, got wire type {wire}.")
            values = message.setdefault(field.name, [])
            if values and not field.repeated:
                raise ModelError(f"Expected one `{field.name}`, got several.")
            values.append(value)
        return message


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return the unsigned number at `position`, and where it ends.

    Raises:
        ModelError: it is longer than 64 bits, or the data end in it.
    """
    value = shift = 0
    for i in range(position, min(position + 10, len(data))):
        byte = data[i]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, i + 1
        shift += 7
    raise ModelError("Expected a number of at most 64 bits, got a longer one or the file's end.")


def signed(value: int) -> int:
    """Return an unsigned number of 64 bits as the signed one with these bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def texts(message: Message, name: str) -> list[str]:
    """Return the texts of a repeated field.

    Raises:
        ModelError: one is not UTF-8, or longer than MAX_TEXT_BYTES.
    """
    values = blobs(message, name)
    if any(len(value) > MAX_TEXT_BYTES for value in values):
        raise ModelError(f"Expected `{name}` of at most {MAX_TEXT_BYTES} bytes, got more.")
    try:
        return [bytes(value).decode("utf-8") for value in values]
    except UnicodeDecodeError as error:
        raise ModelError(f"Expected `{name}` in UTF-8, got {error.object[:40]!r}.") from None


def text(message: Message, name: str) -> str:
    """Return the text of a field; empty where it is not there.

    Raises:
        ModelError: it is not UTF-8, or longer than MAX_TEXT_BYTES.
    """
    return next(iter(texts(message, name)), "")


def number(message: Message, name: str) -> int:
    """Return the signed number of a field; 0 where it is not there.

    Raises:
        ModelError: as `numbers`.
    """
    return next(iter(numbers(message, name)), 0)


def numbers(message: Message, name: str) -> list[int]:
    """Return the signed numbers of a repeated field, packed or not.

    Raises:
        ModelError: packed numbers are damaged, or there are more than MAX_NUMBERS.
    """
    result: list[int] = []
    for value in message.get(name, ()):
        if isinstance(value, int):
            result.append(signed(value))
        else:
            position = 0
            while position < len(value) and len(result) <= MAX_NUMBERS:
                one, position = varint(value, position)
                result.append(signed(one))
        if len(result) > MAX_NUMBERS:
            raise ModelError(f"Expected at most {MAX_NUMBERS} numbers in `{name}`, got more.")
    return result


def blobs(message: Message, name: str) -> list[memoryview]:
    """Return the bytes of a repeated field: messages, texts or raw data."""
    return [value for value in message.get(name, ()) if not isinstance(value, int)]
