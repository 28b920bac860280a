"""Photographs and animations, as a viewer shows them."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from samples import chunk, exif, insert_jpeg, insert_png, off, scene

from ltw.errors import DataError
from ltw.media.any_file import read_media
from ltw.media.limits import Limits
from ltw.media.pictures import load_photo, read_photo

GREY = np.tile(np.linspace(0, 1, 64), (48, 1))


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def encoded(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, kind, **options)
    return file.getvalue()


LONG_TEXT = zlib.compress(b"x" * 2_000_000)
NOTES = {
    "compressed text": chunk(b"zTXt", b"Comment\0\0" + LONG_TEXT),
    "international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + LONG_TEXT),
    "text that is not compressed": chunk(b"zTXt", b"Comment\0\0not zlib"),
    "unknown compression": chunk(b"zTXt", b"Comment\0\7" + zlib.compress(b"x")),
    "damaged profile": chunk(b"iCCP", b"name\0\0rubbish"),
    "huge profile": chunk(b"iCCP", b"name\0\0" + LONG_TEXT),
}


@pytest.mark.parametrize("notes", NOTES)
def test_a_png_is_shown_whatever_is_written_beside_it(tmp_path, notes):
    path = tmp_path / "a.png"
    path.write_bytes(insert_png(encoded("PNG"), NOTES[notes]))
    assert off(read_photo(path), scene()) == 0
    if "profile" not in notes:  # texts may stand behind the pixels
        path.write_bytes(encoded("PNG")[:-12] + NOTES[notes] + encoded("PNG")[-12:])
        assert off(read_photo(path), scene()) == 0


SIDEWAYS = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
MALFORMED = {
    "rational at no place": (0x011A, 5, 1, struct.pack("<I", 60_000)),
    "short that is a text": (0x0213, 2, 4, b"ab\0\0"),
    "fraction by nothing": (0x9204, 10, 0, b"\0\0\0\0"),
    "unknown type": (0x010F, 99, 3, b"abc\0"),
    "pointer out of the file": (0x8769, 4, 1, struct.pack("<I", 99_999)),
    "pointer that is a text": (0x8769, 2, 4, b"abc\0"),
}


@pytest.mark.parametrize("wrong", MALFORMED)
def test_a_malformed_exif_tag_costs_neither_picture_nor_orientation(tmp_path, wrong):
    path, entries = tmp_path / "a.jpg", sorted([SIDEWAYS, MALFORMED[wrong]])
    path.write_bytes(insert_jpeg(encoded("JPEG", quality=95), exif(*entries)))
    wanted = scene()[::-1].transpose(1, 0, 2)  # turned to the right
    assert off(read_photo(path), wanted) < 4


@pytest.mark.parametrize("broken", [b"", b"II*\0", b"XX*\0\x08\0\0\0", exif()[:9]])
def test_exif_that_is_none_is_no_reason_to_refuse_a_jpeg(tmp_path, broken):
    path = tmp_path / "a.jpg"
    path.write_bytes(insert_jpeg(encoded("JPEG", quality=95), broken))
    assert off(read_photo(path), scene()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_shown_as_pillow_shows_it(tmp_path, orientation):
    from PIL import ImageOps

    tags = Image.Exif()
    tags[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(scene()), exif=tags)
    with Image.open(path) as image:
        wanted = np.array(ImageOps.exif_transpose(image))
    assert off(read_photo(path), wanted) == 0


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm", "a.jp2"])
def test_16_bit_grey_spans_black_to_white(tmp_path, name):
    cv2.imwrite(str(tmp_path / name), (GREY * 65535).astype(np.uint16))
    shown, warning = load_photo(tmp_path / name)
    assert off(shown, np.dstack([np.rint(GREY * 255)] * 3)) < 1
    assert warning == ""


def test_a_dark_16_bit_picture_stays_dark_and_white_may_be_zero(tmp_path):
    dark = (GREY * 4095).astype(np.uint16)
    saved(tmp_path / "dark.tif", Image.fromarray(dark))
    assert read_photo(tmp_path / "dark.tif").max() == 16
    saved(tmp_path / "inverse.tif", Image.fromarray(dark), tiffinfo={262: 0})
    assert read_photo(tmp_path / "inverse.tif").min() == 255 - 16


@pytest.mark.parametrize(("top", "told"), [(1.0, ""), (255.0, "float32"), (65535.0, "float32")])
def test_grey_floats_are_shown_by_their_range(tmp_path, top, told):
    path = saved(tmp_path / "a.tif", Image.fromarray((GREY * top).astype(np.float32)))
    shown, warning = load_photo(path)
    assert off(shown, np.dstack([np.rint(GREY * 255)] * 3)) < 1
    assert told in warning
    assert bool(told) == bool(warning)


def test_floats_without_a_known_range_and_without_a_number_are_shown_and_told(tmp_path):
    odd = (GREY * 3000 - 1000).astype(np.float32)
    odd[0, 0], odd[0, 1] = np.nan, np.inf
    shown, warning = load_photo(saved(tmp_path / "a.tif", Image.fromarray(odd)))
    assert (shown[5, 0].max(), shown[5, -1].min()) == (0, 255)
    assert "from the least" in warning


def test_a_tiff_of_three_floats_a_pixel_is_shown(tmp_path):
    path = tmp_path / "a.tif"
    cv2.imwrite(str(path), scene()[..., ::-1].astype(np.float32) / 255)
    assert off(read_photo(path), scene()) == 0
    with pytest.raises(DataError, match="64x48 pixels"):
        read_photo(path, limits=Limits(picture_megapixels=0.001))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:, 32:] = 0
    image = Image.fromarray(np.dstack([scene(), alpha]))
    name = "a.tif" if mode == "PA" else "a.png"
    if mode in ("P", "PA"):
        image = image.quantize(8) if mode == "P" else image.convert("LA")
    shown = read_photo(saved(tmp_path / name, image.convert(mode) if mode == "LA" else image))
    assert shown[:, 33:].min() == 255
    assert shown[:, :31].max() < 255
    masked = read_photo(tmp_path / name, background=0)
    assert masked[:, 33:].max() == 0


def test_cmyk_palettes_and_lab_are_colours(tmp_path):
    cmyk = saved(tmp_path / "a.jpg", Image.fromarray(scene()).convert("CMYK"), quality=95)
    assert off(read_photo(cmyk), scene()) < 4
    palette = saved(tmp_path / "a.gif", Image.fromarray(scene()).quantize(16))
    assert off(read_photo(palette), scene()) < 4
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(scene()), srgb, lab, outputMode="LAB")
    assert off(read_photo(saved(tmp_path / "a.tif", image)), scene()) < 4


def test_a_colour_profile_is_applied_and_a_broken_one_is_told(tmp_path):
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    path = saved(tmp_path / "a.png", Image.fromarray(scene()), icc_profile=linear)
    assert "profile cannot be used" in load_photo(path).warning
    path = saved(tmp_path / "b.png", Image.fromarray(scene()), icc_profile=b"rubbish")
    shown, warning = load_photo(path)
    assert off(shown, scene()) == 0
    assert "profile cannot be used" in warning
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shown, warning = load_photo(
        saved(tmp_path / "c.png", Image.fromarray(scene()), icc_profile=own)
    )
    assert (warning, off(shown, scene()) <= 1) == ("", True)


ANIMATIONS = ["gif", "png", "webp", "avif"]


@pytest.mark.parametrize("kind", ANIMATIONS)
def test_an_animation_is_a_video_of_its_frames(tmp_path, kind):
    pictures = [np.full((48, 64, 3), 20 + 20 * k, np.uint8) for k in range(10)]
    first, *others = map(Image.fromarray, pictures)
    options = {"lossless": True} if kind == "webp" else {}
    path = tmp_path / f"a.{kind}"
    first.save(path, save_all=True, append_images=others, duration=40, **options)
    media = read_media(path, 5)
    assert media.kind == "video"
    assert media.sample.total == 10
    assert [frame.index for frame in media.sample.frames] == [1, 3, 5, 7, 9]
    for frame in media.sample.frames:
        assert abs(float(frame.image.mean()) - (20 + 20 * frame.index)) < 4
    assert [f.time for f in media.sample.frames] == pytest.approx([0.04, 0.12, 0.2, 0.28, 0.36])


def test_the_still_of_an_animated_png_is_no_frame_and_pages_are_told(tmp_path):
    still, one, two = (Image.fromarray(np.full((48, 64, 3), k, np.uint8)) for k in (9, 99, 199))
    still.save(tmp_path / "a.png", save_all=True, append_images=[one, two], default_image=True)
    sample = read_media(tmp_path / "a.png", 5).sample
    assert [int(frame.image.mean()) for frame in sample.frames] == [99, 199]
    still.save(tmp_path / "a.tif", save_all=True, append_images=[one])
    media = read_media(tmp_path / "a.tif", 5)
    assert media.kind == "image"
    assert "the first of 2 pages" in media.sample.warning


def test_an_animation_that_breaks_off_gives_what_decodes(tmp_path):
    rng = np.random.default_rng(0)
    first, *others = (
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)) for _ in range(8)
    )
    path = tmp_path / "a.png"
    first.save(path, save_all=True, append_images=others)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    sample = read_media(path, 8).sample
    assert 2 <= len(sample.frames) < 8
    assert sample.damage


@pytest.mark.parametrize(("curve", "name"), [(16, "PQ"), (18, "HLG"), (13, "")])
def test_hdr_pictures_are_shown_with_a_warning(tmp_path, curve, name):
    png, avif = tmp_path / "a.png", tmp_path / "a.avif"
    png.write_bytes(insert_png(encoded("PNG"), chunk(b"cICP", bytes([9, curve, 0, 1]))))
    data = encoded("AVIF")
    at = data.index(b"colrnclx") + 8
    avif.write_bytes(data[:at] + struct.pack(">HH", 9, curve) + data[at + 4 :])
    for path in (png, avif):
        assert (name in load_photo(path).warning, bool(load_photo(path).warning)) == (
            True,
            bool(name),
        )


BROKEN = {
    "bmp": ("BMP", lambda data: data[: len(data) // 2]),
    "gif": ("GIF", lambda data: data[: len(data) // 2]),
    "tif": ("TIFF", lambda data: data[:-60]),
    "dds": ("DDS", lambda data: data[:76] + b"\xff" * 40),
    "qoi": ("QOI", lambda data: data[:40]),
    "ppm": ("PPM", lambda data: b"P6\nsixty 48\n255\n" + data[20:]),
    "avif": ("AVIF", lambda data: data[: len(data) // 2]),
    "jp2": ("JPEG2000", lambda data: data[: len(data) // 3]),
    "webp": ("WEBP", lambda data: data[: len(data) // 2]),
    "png": ("PNG", lambda data: data[:33] + chunk(b"IDAT", b"rubbish") + data[-12:]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_picture_is_one_reason_and_nothing_else(tmp_path, kind):
    name, damage = BROKEN[kind]
    path = tmp_path / f"a.{kind}"
    path.write_bytes(damage(encoded(name)))
    with pytest.raises(DataError, match=rf"a\.{kind}: (cannot be decoded \(\w+|not an image)"):
        read_media(path, 3)


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError, struct.error, KeyError])
def test_whatever_a_decoder_raises_is_a_reason_with_its_type(tmp_path, monkeypatch, capsys, error):
    path = saved(tmp_path / "a.png", Image.fromarray(scene()))

    def fail(*_: object, **__: object) -> None:
        raise error("odd\nwords")

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(DataError, match=error.__name__) as raised:
        read_media(path, 3)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value.__cause__, error)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LTW_DEBUG", "1")
    with pytest.raises(DataError):
        read_media(path, 3)
    assert "Traceback" in capsys.readouterr().err


def test_keys_of_the_user_pass_the_boundary(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(scene()))

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_media(path, 3)


def test_a_strip_is_refused_before_it_is_decoded(tmp_path):
    header = struct.pack(">IIBBBBB", 1, 140_000_000, 8, 0, 0, 0, 0)
    path = tmp_path / "strip.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"none"))
    with pytest.raises(DataError, match="1x140000000 pixels, a side more than 50 times"):
        read_media(path, 1)
    saved(tmp_path / "long.png", Image.new("L", (20, 1200)))
    with pytest.raises(DataError, match="50 times"):
        read_media(tmp_path / "long.png", 1)
    assert read_photo(tmp_path / "long.png", limits=Limits(aspect=60)).shape == (1200, 20, 3)
