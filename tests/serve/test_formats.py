"""The service takes what `ltw predict` reads, and nothing else reaches a decoder."""

import io

import numpy as np
import pytest
from PIL import Image

from ltw.media.formats import HEAD
from ltw.serve.formats import kind_of
from ltw.serve.limits import Limits, Refusal
from ltw.serve.scoring import Task, check


def picture(kind: str, width: int = 64) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((48, width, 3), np.uint8)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "AVIF", "JPEG2000", "WEBP", "QOI", "TIFF", "PPM"])
def test_pictures_that_predict_reads_are_taken(tmp_path, kind):
    data = picture(kind)
    (tmp_path / "upload").write_bytes(data)
    assert kind_of(data[:HEAD]) == "image"
    check(Task(str(tmp_path / "upload"), "a", "image", pictures=False), Limits())
    large = Limits(megapixels=0.001)
    with pytest.raises(Refusal) as refused:
        check(Task(str(tmp_path / "upload"), "a", "image", pictures=False), large)
    assert "64 x 48 pixels, above the limit" in refused.value.reason


@pytest.mark.parametrize(
    ("head", "phrase"),
    [
        (b"#EXTM3U\n#EXTINF:9,\nhttp://a/b.mp4\n", "neither"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "neither"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ],
)
def test_what_no_decoder_is_shown_is_told_what_can_be(head, phrase):
    with pytest.raises(Refusal, match="415") as refused:
        kind_of(head)
    assert phrase in refused.value.reason
    assert "AVIF" in refused.value.reason
