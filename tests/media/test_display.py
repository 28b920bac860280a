"""Frames of videos as a player shows them, and what no player would open."""

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from samples import film, off, scene, set_matrix

from ltw.errors import DataError
from ltw.media.any_file import read_media
from ltw.media.limits import Limits
from ltw.media.video import frames_at, read_frames, sample_frames

MATRICES = {  # (a, b, c, d), and what a player does to the picture by it
    "mirrored": ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
    "flipped": ((1, 0, 0, -1), lambda picture: picture[::-1]),
    "transposed": ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
    "transposed the other way": (
        (0, -1, -1, 0),
        lambda picture: picture[::-1, ::-1].transpose(1, 0, 2),
    ),
    "clockwise, enlarged": ((0, 2, -2, 0), lambda picture: picture[::-1].transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_mirrored_film_is_shown_as_its_matrix_says(tmp_path, name):
    matrix, shown = MATRICES[name]
    set_matrix(film(tmp_path / "a.mp4"), *matrix)
    sample = sample_frames(tmp_path / "a.mp4", 1)
    assert off(sample.frames[0].image, shown(scene())) < 6
    assert sample.display == ""


@pytest.mark.parametrize("matrix", [(0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1)])
def test_a_matrix_that_is_none_turns_nothing(tmp_path, matrix):
    set_matrix(film(tmp_path / "a.mp4"), *matrix)
    sample = sample_frames(tmp_path / "a.mp4", 1)
    assert off(sample.frames[0].image, scene()) < 6
    assert any(matrix) == ("display matrix is none" in sample.display) or not any(matrix)


def test_an_odd_angle_is_shown_at_the_nearest_right_one_and_told(tmp_path):
    set_matrix(film(tmp_path / "a.mp4"), 0.2, 0.98, -0.98, 0.2)
    sample = sample_frames(tmp_path / "a.mp4", 1)
    assert off(sample.frames[0].image, scene()[::-1].transpose(1, 0, 2)) < 6
    assert "another angle" in sample.display


@pytest.mark.parametrize(
    ("aspect", "size"), [(Fraction(2), (48, 128)), (Fraction(1, 2), (96, 64)), (Fraction(1), None)]
)
def test_pixels_that_are_not_square_are_shown_as_wide_as_they_are(tmp_path, aspect, size):
    def mark(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    path = film(tmp_path / "a.mkv", stream=mark)
    image = sample_frames(path, 1).frames[0].image
    assert image.shape[:2] == (size or (48, 64))
    across, down = image.shape[1] // 64, image.shape[0] // 48
    assert off(image[::down, ::across], scene()) < 8
    assert next(read_frames(path))[2].shape == frames_at(path, [1])[1].shape == image.shape


def mark_hdr(curve: int):
    def mark(frame: av.VideoFrame) -> None:
        frame.color_trc, frame.color_primaries, frame.colorspace = curve, 9, 9

    def mark_stream(stream: av.VideoStream) -> None:
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = curve, 9, 9

    return mark, mark_stream


def pq(nits: float) -> float:
    """SMPTE ST 2084's signal in [0, 1]."""
    y = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)


def hlg(scene_light: float) -> float:
    """BT.2100's hybrid log-gamma signal in [0, 1]."""
    if scene_light <= 1 / 12:
        return float(np.sqrt(3 * scene_light))
    return float(0.17883277 * np.log(12 * scene_light - 0.28466892) + 0.55991073)


def srgb(linear: float) -> float:
    return 255 * (1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("curve", "signal"),
    [(16, pq(50)), (18, hlg((50 / 1000) ** (1 / 1.2)))],  # HLG's display of 1000 cd/m², gamma 1.2
    ids=["PQ", "HLG"],
)
def test_hdr_is_shown_in_standard_range_and_told(tmp_path, curve, signal):
    mark, mark_stream = mark_hdr(curve)
    grey = [np.full((48, 64, 3), round(255 * signal), np.uint8)] * 3
    options = {"x265-params": "lossless=1:log-level=none"}
    path = film(
        tmp_path / "a.mkv",
        grey,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options=options,
        frame=mark,
        stream=mark_stream,
    )
    sample = sample_frames(path, 1)
    wanted = srgb(50 / 203)  # BT.2408: white is 203 cd/m²
    assert abs(float(sample.frames[0].image.mean()) - wanted) < 4
    assert ("PQ" if curve == 16 else "HLG") in sample.display


def test_the_fields_of_an_interlaced_film_are_not_shown_as_a_comb(tmp_path):
    comb = np.full((64, 64, 3), 60, np.uint8)
    comb[1::2] = 200

    def interlace(stream: av.VideoStream) -> None:
        stream.codec_context.field_order = 2  # coded and shown top field first

    options = {"flags": "+ildct+ilme", "qscale": "1"}
    path = film(
        tmp_path / "a.mpg", [comb] * 6, codec="mpeg2video", options=options, stream=interlace
    )
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    sample = sample_frames(path, 1)
    image = sample.frames[0].image[8:-8].astype(int)
    assert np.abs(np.diff(image, axis=0)).mean() < 10
    assert "interlaced" in sample.display


@pytest.mark.parametrize(("height", "kr", "kb"), [(48, 0.299, 0.114), (640, 0.2126, 0.0722)])
def test_colours_nobody_named_are_those_a_player_guesses(tmp_path, height, kr, kb):
    red, green, blue = 200 / 255, 100 / 255, 80 / 255
    y = kr * red + (1 - kr - kb) * green + kb * blue
    planes = 16 + 219 * y, 128 + 112 * (blue - y) / (1 - kb), 128 + 112 * (red - y) / (1 - kr)
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane, value in zip(frame.planes, planes, strict=True):
            plane.update(bytes([round(value)]) * plane.buffer_size)
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    shown = sample_frames(tmp_path / "a.mkv", 1).frames[0].image.reshape(-1, 3).mean(0)
    assert np.abs(shown - (200, 100, 80)).max() < 3


def test_a_cover_is_not_the_film(tmp_path):
    film(tmp_path / "plain.mkv", [np.full((48, 64, 3), 200, np.uint8)] * 4)
    with av.open(str(tmp_path / "plain.mkv")) as source:
        given = source.streams.video[0]
        packets = [p for p in source.demux(given) if p.size]
        for name, films in (("a.mp4", 1), ("cover only.mp4", 0)):
            with av.open(str(tmp_path / name), "w") as out:
                cover = out.add_stream("mjpeg", rate=1)
                cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
                cover.disposition = Disposition.attached_pic
                copy = out.add_stream_from_template(given) if films else None
                frame = av.VideoFrame.from_ndarray(scene(), format="rgb24")
                out.mux(cover.encode(frame.reformat(format="yuvj420p")))
                out.mux(cover.encode())
                for packet in packets if copy else []:
                    packet.stream = copy
                    out.mux(packet)
    sample = sample_frames(tmp_path / "a.mp4", 2)
    assert (sample.total, abs(float(sample.frames[0].image.mean()) - 200) < 4) == (4, True)
    with pytest.raises(DataError, match="only a cover picture"):
        sample_frames(tmp_path / "cover only.mp4", 2)


def test_the_default_stream_is_shown_as_by_players(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        streams = []
        for default in (False, True):
            stream = out.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.disposition = Disposition.default if default else Disposition.original
            streams.append(stream)
        for level, stream in zip((50, 200), streams, strict=True):
            flat = np.full((48, 64, 3), level, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(flat, format="rgb24")))
            out.mux(stream.encode())
    assert abs(float(sample_frames(path, 1).frames[0].image.mean()) - 200) < 3


def test_a_title_that_is_not_utf8_costs_nothing(tmp_path):
    film(tmp_path / "a.mkv")
    with av.open(str(tmp_path / "a.mkv")) as container:
        title = container.metadata.get("ENCODER", container.metadata.get("encoder", ""))
    data = (tmp_path / "a.mkv").read_bytes()
    assert title.encode() in data
    (tmp_path / "a.mkv").write_bytes(data.replace(title.encode(), b"\xff" * len(title)))
    assert len(sample_frames(tmp_path / "a.mkv", 2).frames) == 2


def test_an_unknown_codec_is_told(tmp_path):
    film(tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data.replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    with pytest.raises(DataError, match="decoder"):
        sample_frames(tmp_path / "a.mp4", 2)
    film(tmp_path / "b.mkv")
    data = (tmp_path / "b.mkv").read_bytes()
    (tmp_path / "b.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/XYZ"))
    with pytest.raises(DataError):
        sample_frames(tmp_path / "b.mkv", 2)


@pytest.mark.parametrize(
    "name", ["12:30.mp4", "http:/localhost:9/a.mp4", "concat:a|b.mp4", "a%41.mp4"]
)
def test_names_that_look_like_addresses_are_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    film(tmp_path / "plain.mp4").rename(name)
    assert read_media(Path(name), 2).sample.total == 4


def test_a_name_that_is_not_utf8_is_opened(tmp_path):
    path = Path(os.fsdecode(bytes(tmp_path) + b"/\xff\x1b[31m.mp4"))
    film(tmp_path / "a.mp4").rename(path)
    assert read_media(path, 2).sample.total == 4


PLAYLISTS = {
    "concat": "ffconcat version 1.0\nfile secret.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD><BaseURL>secret.mp4</BaseURL></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".jpg"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_does_not_read_its_neighbours(tmp_path, kind, suffix):
    film(tmp_path / "secret.mp4")
    path = tmp_path / f"a{suffix}"
    path.write_text(PLAYLISTS[kind])
    with pytest.raises(DataError):
        read_media(path, 2)


def test_an_mp4_that_keeps_its_pictures_elsewhere_reads_nothing_there(tmp_path):
    film(tmp_path / "secret.mp4")
    data = (tmp_path / "secret.mp4").read_bytes()
    own = b"\0\0\0\x0curl \0\0\0\1"  # "the data is in this very file"
    assert own in data
    (tmp_path / "a.mp4").write_bytes(data.replace(own, b"\0\0\0\x0curl \0\0\0\0"))
    (tmp_path / "secret.mp4").unlink()  # whatever is read now was read from the file itself
    with suppress(DataError):
        assert read_media(tmp_path / "a.mp4", 2).sample.total <= 4


def test_large_frames_are_refused_or_fewer_are_looked_at(tmp_path):
    path = film(tmp_path / "a.mp4", [scene(96, 128)] * 9)
    with pytest.raises(DataError, match="128x96 pixels, more than the limit"):
        read_media(path, 4, limits=Limits(frame_megapixels=0.01))
    sample = read_media(path, 4, limits=Limits(held_megabytes=0.08)).sample
    assert [frame.index for frame in sample.frames] == [2, 6]
    assert "2 of 4 frames looked at" in sample.display
    with pytest.raises(DataError, match="times as long"):
        read_media(path, 4, limits=Limits(aspect=1.2))


@pytest.mark.parametrize("name", ["fifo.mp4", "fifo"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="not a regular file"):
        read_media(tmp_path / name, 2)


FORMATS = {
    "a.avi": ("mpeg4", "yuv420p"),
    "a.mov": ("libx264", "yuv420p"),
    "a.3gp": ("mpeg4", "yuv420p"),
    "a.wmv": ("wmv2", "yuv420p"),
    "a.flv": ("flv", "yuv420p"),
    "a.ts": ("mpeg2video", "yuv420p"),
    "a.mpg": ("mpeg1video", "yuv420p"),
    "a.webm": ("libvpx-vp9", "yuv420p"),
    "a.mxf": ("mpeg2video", "yuv420p"),
    "a.y4m": ("wrapped_avframe", "yuv420p"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("renamed", ["", "no suffix", "a.jpg"])
def test_what_a_file_is_its_first_bytes_tell(tmp_path, name, renamed):
    codec, pix_fmt = FORMATS[name]
    if codec == "wrapped_avframe":
        path = tmp_path / name
        y4m = b"YUV4MPEG2 W64 H48 F25:1 C420jpeg\n" + 4 * (b"FRAME\n" + bytes(64 * 48 * 3 // 2))
        path.write_bytes(y4m)
    else:
        size = {"a.mxf": (288, 352), "a.3gp": (144, 176)}.get(name, (48, 64))
        path = film(tmp_path / name, [scene(*size)] * 4, codec=codec, pix_fmt=pix_fmt)
    media = read_media(path.rename(tmp_path / (renamed or name)), 2)
    assert media.kind == "video"
    assert len(media.sample.frames) == 2


def test_side_data_of_another_ffmpeg_is_passed_over(tmp_path, monkeypatch):
    from ltw.media import display

    class Odd:
        @property
        def side_data(self) -> None:
            raise ValueError("99 is not a valid Type")

    assert display._side_data(Odd(), "DISPLAYMATRIX") == b""  # type: ignore[arg-type]
