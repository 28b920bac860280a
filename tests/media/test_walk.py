"""What a folder holds is read, or listed with the reason; nothing is left out in silence."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltw.media import formats
from ltw.media.formats import FORMATS, MEDIA_SUFFIXES, by_suffix, identify
from ltw.media.walk import walk

JPEG = b"\xff\xd8\xff\xe0 and so on"


def tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in walk(root).files]


def test_links_to_folders_and_files_are_followed(tmp_path):
    tree(tmp_path / "elsewhere", "b.jpg", "deep/c.MP4")
    tree(tmp_path / "here", "a.jpg")
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "d.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    assert found(tmp_path / "here") == ["a.jpg", "d.jpg", "linked/b.jpg", "linked/deep/c.MP4"]


def test_loops_end_and_a_folder_of_two_names_is_walked_once_by_its_own(tmp_path):
    tree(tmp_path, "z/a.jpg", "z/deep/b.jpg")
    (tmp_path / "a link").symlink_to("z")
    (tmp_path / "z" / "up").symlink_to("..")
    (tmp_path / "z" / "deep" / "itself").symlink_to(".")
    there = walk(tmp_path)
    assert found(tmp_path) == ["z/a.jpg", "z/deep/b.jpg"]
    assert there.repeated == {
        tmp_path / "a link": tmp_path / "z",
        tmp_path / "z" / "up": tmp_path,
        tmp_path / "z" / "deep" / "itself": tmp_path / "z" / "deep",
    }
    assert there.left_out == {}


def test_links_to_nothing_and_to_themselves_are_listed(tmp_path):
    tree(tmp_path, "a.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "me.jpg").symlink_to("me.jpg")
    left_out = walk(tmp_path).left_out
    assert set(left_out) == {tmp_path / "gone.jpg", tmp_path / "me.jpg"}
    assert all("a link to nothing" in reason for reason in left_out.values())


def test_a_folder_that_nobody_can_look_into_is_listed(tmp_path, monkeypatch):
    tree(tmp_path, "a.jpg", "secret/b.jpg")
    real = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may look everywhere
    there = walk(tmp_path)
    assert [path.name for path in there.files] == ["a.jpg"]
    assert there.left_out == {tmp_path / "secret": "cannot be looked into (Permission denied)"}


def test_hidden_files_and_folders_are_counted_and_not_looked_at(tmp_path):
    tree(tmp_path, "a.jpg", "._a.jpg", ".cache/b.jpg", ".cache/c.jpg", "deep/.d.jpg")
    there = walk(tmp_path)
    assert ([path.name for path in there.files], there.hidden) == (["a.jpg"], 3)


def test_files_are_taken_by_suffix_or_by_content_and_others_listed(tmp_path):
    tree(tmp_path, "photo", "photo.jpg_large", "a.JFIF")
    (tmp_path / "notes.txt").write_text("Dear all,")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "heic without a suffix").write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
    (tmp_path / "camera.NEF").write_bytes(b"II*\0 and a thumbnail")
    os.mkfifo(tmp_path / "pipe.mp4")
    there = walk(tmp_path)
    assert [path.name for path in there.files] == ["a.JFIF", "photo", "photo.jpg_large"]
    reasons = {path.name: reason for path, reason in there.others.items()}
    assert "neither" in reasons.pop("notes.txt")
    assert "HEIC" in reasons.pop("phone.heic")
    assert "HEIC" in reasons.pop("heic without a suffix")
    assert "raw file" in reasons.pop("camera.NEF")
    assert reasons == {"pipe.mp4": "is not a regular file"}


def test_what_was_read_alone_only_is_found_in_folders(tmp_path):
    names = "a.gif a.avif a.jfif a.jp2 a.3gp a.wmv a.MTS a.webm a.qoi a.dds a.ppm a.jpe a.mxf"
    tree(tmp_path, *names.split())
    assert set(found(tmp_path)) == set(names.split())


def test_no_two_formats_share_a_suffix_or_a_beginning():
    suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
    assert len(suffixes) == len(set(suffixes)) == len(MEDIA_SUFFIXES)
    assert not MEDIA_SUFFIXES & set(formats.NOT_READ)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_the_first_bytes_of_what_pillow_writes_are_known(tmp_path, kind):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a", kind)
    known = identify((tmp_path / "a").read_bytes()[: formats.HEAD])
    assert known is not None
    assert kind in known.decoders


def test_every_decoder_on_the_list_is_there():
    import av

    from ltw.media.pictures import _decoders

    wanted = [n for f in FORMATS if f.kind == "image" for n in f.decoders]
    assert _decoders() == wanted
    for known in FORMATS:
        if known.kind == "video":
            assert av.ContainerFormat(known.decoders[0], "r").is_input
    assert by_suffix("a.MP4") is by_suffix(Path("b/c.mov"))
    assert by_suffix("a.xyz") is None
