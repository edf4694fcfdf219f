"""What a table takes once it is unpacked: checked before its columns are.

A Parquet or Arrow file of 50 kB can hold a text of a megabyte for each of 20,000 rows, written once
in a dictionary, or a billion zeros. Texts are therefore read as dictionaries, and their sizes added
up before they are written out.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from flatbuffers import encode, number_types
from flatbuffers.table import Table

from core.data.base.table_header import only_utf8_names, parquet_schema, read_names
from core.errors import DataError

MAX_UNPACKED_BYTES = 4 * 2**30
SMALL_UNPACKED_BYTES = 2**30
"""Allowed for any file, however small."""
MAX_COMPRESSION = 20
"""Unpacked size of a larger table, in times the file's size (real tables: 1 to 5)."""
MIN_VALUE_BYTES = 8
"""Taken for a value whose column says less: runs of one value, or nulls, pack to nothing."""

# Positions of fields in the tables of Arrow's Message.fbs: 4 + 2 times the field's number.
HEADER_TYPE, HEADER = 6, 8
DICTIONARY_DATA = 6
BATCH_BUFFERS, BATCH_COMPRESSION = 8, 10
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
BUFFER_BYTES = 16
VIEW_BYTES = 16


def unpacked_limit(packed_bytes: int, most: int = MAX_UNPACKED_BYTES) -> int:
    """Return how many bytes a file of `packed_bytes` may unpack to, at most `most`."""
    return min(most, max(SMALL_UNPACKED_BYTES, MAX_COMPRESSION * packed_bytes))


def read_parquet(source: Path | pa.Buffer) -> pa.Table:
    """Return the rows of a Parquet file, no larger than `unpacked_limit`.

    Args:
        source: the file, or its content.

    Raises:
        DataError: it would be larger, or as `table_header.parquet_schema`.
        pyarrow.ArrowException: the rows cannot be read.
        OSError: the file cannot be read.
    """
    if isinstance(source, Path):
        parquet_schema(source)
    limit = unpacked_limit(source.stat().st_size if isinstance(source, Path) else source.size)
    meta = pq.read_metadata(source if isinstance(source, Path) else pa.BufferReader(source))
    with only_utf8_names("the Parquet table"):
        read_names(meta.schema.to_arrow_schema())
        leaves = [meta.schema.column(i) for i in range(meta.num_columns)]
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    _check(
        sum(max(c.total_uncompressed_size, MIN_VALUE_BYTES * c.num_values) for c in chunks), limit
    )
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    opened = source if isinstance(source, Path) else pa.BufferReader(source)
    with pq.ParquetFile(opened, read_dictionary=texts) as file:
        table = file.read()
    table.validate(full=True)  # texts may be any bytes
    return decoded(table, limit)


def read_arrow(content: bytes) -> pa.Table:
    """Return the rows of an Arrow stream or file, no larger than `unpacked_limit`.

    A file is a stream behind eight bytes, with positions at its end, which are not used: they could
    name other places than the stream's.

    Raises:
        DataError: it would be larger, or has columns of a kind that tables here do not have.
        pyarrow.ArrowException: the rows cannot be read.
    """
    stream = pa.py_buffer(content).slice(8 if content.startswith(b"ARROW1") else 0)
    limit = unpacked_limit(len(content))
    total = 0
    for message in pa.ipc.MessageReader.open_stream(stream):
        try:
            total += _unpacked_bytes(message)
        except (struct.error, IndexError, TypeError, ValueError):
            raise pa.ArrowInvalid("a record batch is damaged") from None
        _check(total, limit)
    with pa.ipc.open_stream(stream) as reader:
        with only_utf8_names("the Arrow table"):
            read_names(reader.schema)
        table = reader.read_all()
    table.validate(full=True)
    return decoded(table, limit)


def decoded(table: pa.Table, limit: int) -> pa.Table:
    """Return the table with dictionaries and views written out.

    Args:
        table: valid columns.
        limit: bytes that it may then take.

    Raises:
        DataError: it would take more, or a column has a type that tables here do not have.
    """
    _check(sum(_decoded_bytes(chunk) for c in table.columns for chunk in c.chunks), limit)
    columns = [column.cast(_plain_type(column.type)) for column in table.columns]
    return pa.table(columns, table.column_names).replace_schema_metadata(table.schema.metadata)


def _check(unpacked: int, limit: int) -> None:
    if unpacked > limit:
        raise DataError(
            f"Expected at most {limit / 2**30:.1f} GB of table, got {unpacked / 2**30:.1f} GB; try "
            "a part of its rows or fewer columns."
        )


def _unpacked_bytes(message: pa.Message) -> int:
    """Return the bytes of a message's buffers once they are uncompressed.

    Source: Apache Arrow columnar format, *Serialization and IPC*: a compressed buffer begins with
    its uncompressed length, or -1 where it is not compressed.
    """
    metadata = message.metadata.to_pybytes()
    body = memoryview(message.body or b"")
    root = Table(metadata, encode.Get(number_types.UOffsetTFlags.packer_type, metadata, 0))
    position = root.Offset(HEADER_TYPE)
    kind = root.Get(number_types.Uint8Flags, position + root.Pos) if position else 0
    if kind not in (DICTIONARY_BATCH, RECORD_BATCH):
        return 0
    batch = _child(root, HEADER)
    if batch is not None and kind == DICTIONARY_BATCH:
        batch = _child(batch, DICTIONARY_DATA)
    if batch is None or not batch.Offset(BATCH_COMPRESSION) or not batch.Offset(BATCH_BUFFERS):
        return body.nbytes
    total, position = 0, batch.Offset(BATCH_BUFFERS)
    start, count = batch.Vector(position), batch.VectorLen(position)
    for i in range(count):
        offset, length = struct.unpack_from("<qq", metadata, start + BUFFER_BYTES * i)
        if length:
            (unpacked,) = struct.unpack_from("<q", body, offset)
            total += length if unpacked < 0 else unpacked
    return total


def _child(parent: Table, field: int) -> Table | None:
    """Return a field that is itself a table, None where it is not written."""
    position = parent.Offset(field)
    if not position:
        return None
    return Table(parent.Bytes, parent.Indirect(position + parent.Pos))


def _decoded_bytes(array: pa.Array) -> int:
    """Return the bytes of an array once its dictionaries and views are written out."""
    kind, t = array.type, pa.types
    if t.is_dictionary(kind):
        if is_text(kind.value_type):
            lengths = pc.take(_text_lengths(array.dictionary), array.indices)
            return int(pc.sum(lengths).as_py() or 0)
        return _width(kind.value_type) * len(array)
    if is_text(kind):
        return int(pc.sum(_text_lengths(array)).as_py() or 0)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _decoded_bytes(array.flatten()) + MIN_VALUE_BYTES * len(array)
    if t.is_struct(kind):
        return sum(_decoded_bytes(child) for child in array.flatten())
    return _width(kind) * len(array)


def _text_lengths(texts: pa.Array) -> pa.Array:
    """Return the bytes of each text; a view of 16 bytes begins with its text's length."""
    if not (pa.types.is_string_view(texts.type) or pa.types.is_binary_view(texts.type)):
        return pc.binary_length(texts)
    lengths = np.frombuffer(texts.buffers()[1] or b"", np.int32)[:: VIEW_BYTES // 4]
    return pa.array(
        lengths[texts.offset :][: len(texts)], mask=~texts.is_valid().to_numpy(zero_copy_only=False)
    )


def _width(kind: pa.DataType) -> int:
    """Return the bytes of a value of a type without parts, at least `MIN_VALUE_BYTES`."""
    if pa.types.is_null(kind) or pa.types.is_boolean(kind):
        return MIN_VALUE_BYTES
    try:
        return max(MIN_VALUE_BYTES, int(kind.bit_width) // 8)
    except ValueError:
        raise DataError(
            f"Expected columns of texts, numbers, booleans, times or lists, got {kind}; convert it."
        ) from None


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column holds texts or bytes."""
    t = pa.types
    return any(
        is_kind(kind)
        for is_kind in (
            t.is_string,
            t.is_large_string,
            t.is_string_view,
            t.is_binary,
            t.is_large_binary,
            t.is_binary_view,
        )
    )


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type without dictionaries and views."""
    t = pa.types
    if t.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if t.is_string_view(kind):
        return pa.string()
    if t.is_binary_view(kind):
        return pa.binary()
    if t.is_large_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    if t.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if t.is_fixed_size_list(kind):
        return pa.list_(_plain_type(kind.value_type), kind.list_size)
    if t.is_struct(kind):
        return pa.struct([f.with_type(_plain_type(f.type)) for f in kind])
    return kind
