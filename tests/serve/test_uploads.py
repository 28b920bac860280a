"""Uploads that do not end as they should."""

import asyncio

import pytest
from services import LIMITS
from starlette.requests import Request

from ltw.serve import uploads
from ltw.serve.limits import Refusal

HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
SCOPE = {
    "type": "http",
    "method": "POST",
    "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
}


def refusal(chunk, pause):
    """Receive the head of a form, and then ``chunk`` again and again."""
    chunks = iter([HEAD])

    async def receive():
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": next(chunks, chunk), "more_body": True}

    with pytest.raises(Refusal) as refused:
        asyncio.run(
            uploads.receive(Request(SCOPE, receive), LIMITS.model_copy(update={"seconds": 1.0}))
        )
    return refused.value


def test_one_that_never_ends_is_not_kept(monkeypatch):
    monkeypatch.setattr(uploads, "DRAIN_SECONDS", 0.1)
    assert refusal(b"0" * 100_000, pause=0.0).status == 413


def test_one_that_trickles_is_given_up():
    refused = refusal(b"0", pause=0.05)
    assert (refused.status, refused.reason) == (408, "The upload took longer than 1 s.")


def test_where_files_need_a_name_the_file_goes_with_its_upload(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads.Path, "is_dir", lambda path: str(path) != "/proc/self/fd")
    monkeypatch.setattr(uploads.tempfile, "tempdir", str(tmp_path))
    content = b"\x89PNG\r\n\x1a\n and more"
    body = HEAD + content + b"\r\n--x--\r\n"

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    upload = asyncio.run(uploads.receive(Request(SCOPE, receive), LIMITS))
    (path,) = tmp_path.iterdir()
    assert str(path) == upload.path
    assert path.read_bytes() == content
    upload.close()
    assert not list(tmp_path.iterdir())
