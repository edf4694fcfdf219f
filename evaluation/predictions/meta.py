"""Metadata of a predictions table, in the schema of a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import pyarrow as pa

from core.errors import DataError
from core.schema import parse_json

METADATA_KEY = b"mien.table"


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a table comes from.

    Attributes:
        card_sha256: of the model's card.
        fingerprint: of the data.
        left_out: files that could not be read.
        thresholds: of the model's card at the operating point, see `core.artifacts.card.Card`;
            whoever reads them checks them.
        operating_point: its name; empty in older tables, which are all of `accuracy`.
        labels, units: of tasks other than the known ones, by their names.
    """

    model: str = ""
    card_sha256: str = ""
    dataset: str = ""
    split: str = ""
    fingerprint: str = ""
    detector: str = ""
    left_out: int = 0
    created: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    operating_point: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table) -> Meta:
        """Read the metadata of a table; fields that it lacks are empty.

        Raises:
            DataError: Its metadata is no JSON object.
        """
        try:
            raw = parse_json((table.schema.metadata or {}).get(METADATA_KEY, b"{}"))
            values = {f.name: raw[f.name] for f in fields(cls) if f.name in raw}
            for name, kind in (("labels", list), ("units", str)):
                if not isinstance(values.get(name, {}), dict) or not all(
                    isinstance(v, kind) for v in values.get(name, {}).values()
                ):
                    raise TypeError(f"`{name}` is of another form")
            values["labels"] = {
                task: tuple(map(str, labels)) for task, labels in values.get("labels", {}).items()
            }
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"Expected JSON in the table's metadata {METADATA_KEY.decode()!r}, got: {error}; "
                "write the table again."
            ) from error

    def to_json(self) -> bytes:
        """Return the value of the schema metadata."""
        values = asdict(self)
        for name in ("labels", "units"):  # most tables have only known tasks
            if not values[name]:
                del values[name]
        return json.dumps(values, sort_keys=True).encode()
