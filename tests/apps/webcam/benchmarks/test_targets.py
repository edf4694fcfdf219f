"""How the measuring commands end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.webcam.benchmarks import targets
from core.errors import DataError


def end(measured: dict[str, bool] | BaseException, *options: str) -> int:
    def measure(_: object) -> dict[str, Any]:
        if isinstance(measured, BaseException):
            raise measured
        return {"met": measured}

    return targets.run(
        targets.parser("x", "y").parse_args(options), measure, lambda result, console: None
    )


@pytest.mark.parametrize(
    ("measured", "status", "gated"),
    [
        ({"fast": True, "flat": True}, 0, 0),
        ({"fast": True, "flat": False}, 0, 3),
        (KeyboardInterrupt(), 0, 3),  # interrupted: no target was shown to be met
        (DataError("Expected a visitor, got none."), 2, 2),
        (OSError("the port is taken"), 1, 1),
    ],
)
def test_the_status_says_how_it_went(
    measured: dict[str, bool] | BaseException, status: int, gated: int
):
    assert end(measured) == status
    assert end(measured, "--gate") == gated


def test_the_verdict_is_told_in_words_or_as_json(capsys: pytest.CaptureFixture):
    end({"fast": True, "flat": False})
    assert capsys.readouterr().out.splitlines() == ["met     fast", "MISSED  flat"]
    end({"fast": True}, "--json")
    assert json.loads(capsys.readouterr().out) == {"met": {"fast": True}}
