"""A file as a page uploads it: the body of a `multipart/form-data` request."""

from __future__ import annotations

CONTENT_TYPE = "multipart/form-data; boundary=x"


def encode_upload(name: str, content: bytes) -> bytes:
    """Return the body of a request that uploads one file to Gradio; see CONTENT_TYPE."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"
