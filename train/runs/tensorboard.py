"""Curves for TensorBoard: `tensorboard --logdir runs`.

The file is a TFRecord of `Event` messages with scalars. Writing it here takes less code than the
packages that do it (tensorboard is 20 MB with a web server and gRPC), and lets a resumed run leave
no epoch twice. The format:
https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from train.runs.writing import write_file


def write(path: Path, history: Sequence[Mapping[str, float]], times: Sequence[float]) -> None:
    """Write one scalar for each figure and epoch.

    A file that the new one continues is only appended to, as a running TensorBoard keeps reading
    where it was; any other is replaced.

    Args:
        path: the file.
        history: one row an epoch.
        times: when each epoch ended, seconds since 1970.
    """
    content = _record(_event(times[0] - history[0]["seconds"], version="brain.Event:2"))
    for row, at in zip(history, times, strict=True):
        values = b"".join(
            _field(1, _field(1, tag(k).encode()) + _float(2, v))
            for k, v in row.items()
            if k != "epoch"
        )
        content += _record(_event(at, int(row["epoch"]), values))
    old = path.read_bytes() if path.is_file() else b""
    if old and content.startswith(old):
        with path.open("ab") as file:
            file.write(content[len(old) :])
    else:
        write_file(path, lambda p: p.write_bytes(content))


def tag(column: str) -> str:
    """Return a column's tag; what stands before the slash is drawn in one section.

    >>> tag("val_emotion_accuracy"), tag("lr")
    ('emotion_accuracy/val', 'run/lr')
    """
    side, _, figure = column.partition("_")
    return f"{figure}/{side}" if side in ("train", "val") else f"run/{column}"


def _event(at: float, step: int = 0, values: bytes = b"", version: str = "") -> bytes:
    message = b"\x09" + struct.pack("<d", at) + b"\x10" + _varint(step)  # wall_time = 1, step = 2
    return (
        message
        + (_field(3, version.encode()) if version else b"")
        + (_field(5, values) if values else b"")
    )


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _float(number: int, value: float) -> bytes:
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    check = crc32c(data)
    return struct.pack("<I", ((check >> 15 | check << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Return Castagnoli's checksum (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    check = 0xFFFFFFFF
    for byte in data:
        check = CRC_TABLE[(check ^ byte) & 255] ^ check >> 8
    return check ^ 0xFFFFFFFF
