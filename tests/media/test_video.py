import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ltw.errors import DataError
from ltw.media import video
from ltw.media.limits import Limits
from ltw.media.pictures import read_photo
from ltw.media.sampling import evenly_spaced
from ltw.media.video import frames_at, read_frames, sample_frames, write_video


def numbered(count: int, step: int = 5) -> list[np.ndarray]:
    """Flat frames whose brightness tells their number."""
    return [np.full((64, 64, 3), 20 + step * i, np.uint8) for i in range(count)]


def number_of(image: np.ndarray, step: int = 5) -> int:
    return round((float(image.mean()) - 20) / step)


def test_evenly_spaced_takes_the_centres_of_equal_parts():
    assert evenly_spaced(10, 5) == [1, 3, 5, 7, 9]
    assert evenly_spaced(75, 3) == [12, 37, 62]
    assert evenly_spaced(100, 1) == [50]


@pytest.mark.parametrize("total", [0, 1, 2, 9, 10, 11, 19, 300, 1237])
@pytest.mark.parametrize("n", [1, 2, 10, 32])
def test_evenly_spaced_is_increasing_inside_the_video_and_spans_it(total, n):
    indices = evenly_spaced(total, n)
    assert len(indices) == min(total, n)
    assert indices == sorted(set(indices))
    assert all(0 <= i < total for i in indices)
    if total > n:
        centres = [(k + 0.5) * total / n for k in range(n)]
        assert all(abs(i - c) < 1 for i, c in zip(indices, centres, strict=True))


def test_the_frames_sampled_are_those_of_the_indices(tmp_path):
    write_video(tmp_path / "a.mp4", numbered(40), fps=20)
    sample = sample_frames(tmp_path / "a.mp4", 4)
    assert sample.total == 40
    assert sample.damage == ""
    assert [f.index for f in sample.frames] == [5, 15, 25, 35]
    assert [number_of(f.image) for f in sample.frames] == [5, 15, 25, 35]
    assert [f.time for f in sample.frames] == pytest.approx([0.25, 0.75, 1.25, 1.75])


MATRICES = {  # a track header's matrix, and what a player does to the picture by it
    "upright": ((1, 0, 0, 1), lambda picture: picture),
    "clockwise": ((0, 1, -1, 0), lambda picture: picture[::-1].transpose(1, 0, 2)),
    "upside down": ((-1, 0, 0, -1), lambda picture: picture[::-1, ::-1]),
    "counterclockwise": ((0, -1, 1, 0), lambda picture: picture.transpose(1, 0, 2)[::-1]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_film_taken_sideways_is_turned_as_its_header_says(tmp_path, name):
    (a, b, c, d), turned = MATRICES[name]
    path, picture = tmp_path / "phone.mp4", np.full((64, 96, 3), 60, np.uint8)
    picture[:32, :32] = 220
    write_video(path, [picture] * 4)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # version 0: five fields of 4 bytes, 8 reserved, four of 2
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    assert data[at : at + 36] == identity
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    ways = {
        "sampled": sample_frames(path, 2).frames[0].image,
        "asked for": frames_at(path, [1])[1],
        "read": next(read_frames(path))[2],
    }
    for way, image in ways.items():
        wanted = turned(picture)
        assert image.shape == wanted.shape, way
        assert np.abs(image.astype(int) - wanted).mean() < 8, way


def test_mpeg1_whose_header_counts_no_frames_is_sampled_to_its_end(tmp_path):
    path = tmp_path / "a.mpg"
    with av.open(str(path), "w", format="mpeg") as container:
        stream = container.add_stream("mpeg1video", rate=25)
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 64, 64
        for frame in numbered(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0
    sample = sample_frames(path, 3)
    assert (sample.total, [f.index for f in sample.frames]) == (30, [5, 15, 25])
    assert [number_of(f.image) for f in sample.frames] == [5, 15, 25]


def test_a_wrong_count_of_packets_is_put_right(tmp_path, monkeypatch):
    write_video(tmp_path / "a.mp4", numbered(20))
    monkeypatch.setattr(video, "_count_packets", lambda path, limits: 44)
    assert [f.index for f in sample_frames(tmp_path / "a.mp4", 2).frames] == [5, 15]


@pytest.mark.parametrize("frames", [1, 3])
def test_short_videos_give_all_their_frames(tmp_path, frames):
    write_video(tmp_path / "a.mp4", numbered(frames))
    assert [f.index for f in sample_frames(tmp_path / "a.mp4", 10).frames] == list(range(frames))


def test_a_video_that_breaks_off_gives_what_decodes_and_says_so(tmp_path):
    path, rng = tmp_path / "a.mp4", np.random.default_rng(0)
    options = {"movflags": "faststart"}  # the index comes first and survives the cut
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 64, 64
        for _ in range(40):
            noise = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    sample = sample_frames(path, 5)
    assert 5 <= sample.total < 40
    assert [f.index for f in sample.frames] == evenly_spaced(sample.total, 5)
    assert f"{sample.total} of 40 frames decode" in sample.damage


def test_what_is_no_video_is_refused_with_its_name(tmp_path):
    text, cut = tmp_path / "text.mp4", tmp_path / "cut.mp4"
    text.write_text("not a video\n" * 100)
    write_video(cut, numbered(20))
    cut.write_bytes(cut.read_bytes()[:-200])  # the index stands at the end and is lost
    for path in (text, cut, tmp_path / "missing.mp4"):
        with pytest.raises(DataError, match=path.name):
            sample_frames(path, 5)
        with pytest.raises(DataError, match=path.name):
            list(read_frames(path))


def test_frames_at_gives_the_frames_asked_for_and_leaves_out_absent_ones(tmp_path):
    write_video(tmp_path / "a.mp4", numbered(10))
    frames = frames_at(tmp_path / "a.mp4", [2, 7, 99])
    assert {index: number_of(image) for index, image in frames.items()} == {2: 2, 7: 7}


def test_photos_are_rgb_and_upright(tmp_path):
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, :15, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    Image.fromarray(image).save(tmp_path / "a.png", exif=exif)
    photo = read_photo(tmp_path / "a.png")
    assert photo.shape == (30, 20, 3)
    assert photo[:15, :, 0].min() == 255
    assert photo[15:].max() == 0


def test_photos_that_cannot_be_read_are_refused_with_the_reason(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.png").write_text("no image")
    for name, reason in (("cut.jpg", "decoded"), ("text.png", "image"), ("gone.png", "no such")):
        with pytest.raises(DataError, match=f"{name}.*{reason}"):
            read_photo(tmp_path / name)
    with pytest.raises(DataError, match="64x64 pixels"):
        read_photo(tmp_path / "whole.jpg", limits=Limits(picture_megapixels=0.004))


def test_a_picture_above_the_limit_is_refused_unread(tmp_path: Path):
    Image.new("1", (14_000, 14_000)).save(tmp_path / "huge.png")
    with pytest.raises(DataError, match="limit of 150 megapixels"):
        read_photo(tmp_path / "huge.png")
