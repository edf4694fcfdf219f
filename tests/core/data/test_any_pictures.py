"""Pictures without a layout: a folder, a Parquet of paths, or an object store, which is a small
server here that speaks as much of S3's protocol as reading needs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.data import any_pictures
from core.data.base import object_store
from core.errors import DataError
from evaluation.__main__ import main
from evaluation.predictions import table
from tests.core.data.picture_files import pictures

BUCKET = "faces"
NAMES = [*(f"a b/{i}.jpg" for i in range(12)), "c/#1?.png"]


class Store(BaseHTTPRequestHandler):
    """One bucket of S3: the server's `objects`, name -> bytes."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        place = urlsplit(self.path)
        objects: dict[str, bytes] = self.server.objects
        key = unquote(place.path).removeprefix(f"/{BUCKET}").lstrip("/")
        query = parse_qs(place.query)
        body, status = b"", 404
        if "list-type" in query:
            prefix = query.get("prefix", [""])[0]
            rows = "".join(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                for name, data in objects.items()
                if name.startswith(prefix)
            )
            body, status = f"<ListBucketResult>{rows}</ListBucketResult>".encode(), 200
        elif key in objects:
            body, status = objects[key], 200
        if status == 200 and "Range" in self.headers:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            body, status = body[int(first) : int(last) + 1 if last else None], 206
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """What the store holds."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.objects = {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    object_store._file_system.cache_clear()
    yield server.objects
    server.shutdown()
    thread.join()
    server.server_close()


def store(objects: dict[str, bytes], folder: Path) -> None:
    """Copy all files of a folder into the store, below `set/`."""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        objects[f"set/{path.relative_to(folder).as_posix()}"] = path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, data_dir: Path) -> Path:
    """Real faces, so that predictions differ, and a file that is no picture."""
    faces = sorted((data_dir / "utkface").glob("*.jpg"))
    for name, face in zip(NAMES, faces, strict=False):
        target = tmp_path / "set" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(face.read_bytes())
    (tmp_path / "set" / "readme.txt").write_text("no picture")
    return tmp_path / "set"


def test_a_store_has_the_pictures_of_the_folder(objects: dict[str, bytes], folder: Path) -> None:
    store(objects, folder)
    url = f"s3://{BUCKET}/set"
    local, remote = any_pictures.load(folder, "all"), any_pictures.load(url, "all")
    assert remote.ids == local.ids == tuple(sorted(NAMES)) and not remote.tight
    assert any_pictures.load(Path(url), "all").paths == remote.paths
    for path, stored in zip(local.paths, remote.paths, strict=True):
        assert object_store.content(stored) == path.read_bytes()
        assert object_store.content(path) == path
    assert object_store.content(remote.paths[0].with_name("gone.jpg")) == b""
    objects["set/c/#1?.png"] += b" "
    assert any_pictures.load(url, "all").fingerprint != remote.fingerprint


def test_predictions_of_a_store_are_those_of_the_folder(
    objects: dict[str, bytes], folder: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    (folder / NAMES[3]).write_bytes(b"damaged")
    store(objects, folder)
    tables = []
    for name, data in (("f", str(folder)), ("s", f"s3://{BUCKET}/set")):
        out = tmp_path / f"{name}.parquet"
        source = ["--dataset", "any_pictures", "--data", data, "--split", "all"]
        assert main(["predict", "--model", str(tiny_bundle), *source, "--out", str(out)]) == 0
        tables.append(pq.read_table(out))
    local, remote = tables
    assert len(local) == len(NAMES) - 1 and local.replace_schema_metadata(None).equals(
        remote.replace_schema_metadata(None)
    )
    assert table.Meta.of(local).left_out == table.Meta.of(remote).left_out == 1


def test_a_list_names_files_anywhere_or_objects(
    objects: dict[str, bytes], folder: Path, tmp_path: Path
) -> None:
    store(objects, folder)
    lists = {
        "relative": [f"set/{name}" for name in NAMES],
        "absolute": [str(folder / name) for name in NAMES],
        "urls": [f"s3://{BUCKET}/set/{name}" for name in NAMES],
    }
    for kind, paths in lists.items():
        file = tmp_path / f"{kind}.parquet"
        pq.write_table(pa.table({"path": paths, "age": np.arange(len(NAMES))}), file)
        samples = any_pictures.load(file, "all")
        assert [Path(i).name for i in samples.ids] == [Path(n).name for n in NAMES]
        assert samples.age.tolist() == list(range(len(NAMES)))
        assert not isinstance(object_store.content(samples.paths[0]), bytes) or kind == "urls"
    objects["set/list.parquet"] = (tmp_path / "relative.parquet").read_bytes()
    objects |= {f"set/set/{name}": b"" for name in NAMES}
    assert any_pictures.load(f"s3://{BUCKET}/set/list.parquet", "all").ids == tuple(
        f"set/{name}" for name in NAMES
    )


def test_what_is_wrong_with_a_list_is_told(tmp_path: Path) -> None:
    file = tmp_path / "list.parquet"
    pictures(tmp_path, ["a.png", "b.png"])
    columns = {"path": ["a.png", "b.png"], "emotion": ["happy", "hungry"], "age": [30, 31]}
    pq.write_table(pa.table(columns), file)
    samples = any_pictures.load(file, "all")
    assert samples.ids == ("a.png",) and "hungry" in samples.problems[0].reason
    pq.write_table(pa.table({"file": ["a.png"]}), file)
    with pytest.raises(DataError, match="column `path`"):
        any_pictures.load(file, "all")
    pq.write_table(pa.table({"path": ["a.png", "s3://b/c.png"]}), file)
    with pytest.raises(DataError, match="got both"):
        any_pictures.load(file, "all")
    file.write_bytes(b"none")
    with pytest.raises(DataError, match="Parquet"):
        any_pictures.load(file, "all")


def test_an_age_that_is_not_known_is_missing_and_one_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "list.parquet"
    pictures(tmp_path, ["a.png", "b.png"])
    pq.write_table(pa.table({"path": ["a.png", "b.png"], "age": [np.nan, 31.0]}), file)
    ages = any_pictures.load(file, "all").age
    assert np.isnan(ages[0]) and ages[1] == 31
    pq.write_table(pa.table({"path": ["a.png"], "age": [True]}), file)
    with pytest.raises(DataError, match="an age of 0 to"):
        any_pictures.load(file, "all")


def test_a_store_that_cannot_be_read_is_told(objects: dict[str, bytes]) -> None:
    objects |= {"set/a.jpg": b""}
    with pytest.raises(DataError, match=r"s3://faces/none.*got none|Expected .* s3:"):
        any_pictures.load(f"s3://{BUCKET}/none", "all")
