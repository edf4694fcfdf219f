"""The page says that pictures leave the visitor's device wherever they do."""

from __future__ import annotations

from typing import get_args
from urllib.request import urlopen

import pytest

from apps.webcam.ui import privacy


@pytest.mark.parametrize(
    ("host", "names", "environment", "expected"),
    [
        ("127.0.0.1", [], {}, "here"),
        ("localhost", [], {}, "here"),
        ("[::1]", [], {}, "here"),
        ("0.0.0.0", [], {}, "elsewhere"),
        ("192.0.2.1", [], {}, "elsewhere"),
        ("127.0.0.1", ["demo.example"], {}, "elsewhere"),
        ("127.0.0.1", [], {"SPACE_ID": ""}, "here"),
        ("0.0.0.0", ["a-b.hf.space"], {"SPACE_ID": "a/b"}, "space"),
        ("127.0.0.1", [], {"SPACE_ID": "a/b"}, "space"),
    ],
)
def test_the_place_follows_from_where_the_demo_runs(host, names, environment, expected):
    assert privacy.place(host, names, environment) == expected


@pytest.mark.parametrize("where", get_args(privacy.Place))
def test_texts_say_where_pictures_go(where: privacy.Place):
    for text in (privacy.camera_text(where), privacy.uploads_text(where)):
        assert ("Hugging Face's computers" in text) is (where == "space")
        assert ("leave your device" in text) is (where != "here")
        assert ("stay on this computer" in text) is (where == "here")


def test_every_tab_says_it(server):
    """The demo of the tests answers to another name, too, as behind a proxy."""
    with urlopen(f"{server.url}/config") as response:
        shown = response.read().decode()
    assert shown.count(privacy.WAY["elsewhere"]) >= 3, "webcam, image, video"
    assert privacy.WAY["here"] not in shown and privacy.WAY["space"] not in shown
