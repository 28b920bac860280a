"""What partial decoding gives is compared with decoding every frame in order."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ltw.media import h264, video
from ltw.media.limits import LIMITS
from ltw.media.sampling import evenly_spaced
from ltw.media.video import frames_at, read_frames, sample_frames

Timing = Callable[[int], int]


def encode(
    path: Path,
    count: int = 60,
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    timing: Timing = lambda k: k,
) -> Path:
    """Write ``count`` frames of texture that slides and changes, shown at ``timing(k)`` / 25 s."""
    rng = np.random.default_rng(0)
    cloth = rng.integers(0, 255, (30, 30, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.thread_count = 1
        for k in range(count):
            left, top = (int(v) for v in (60 + 50 * np.sin(k / 5), 60 + 50 * np.cos(k / 7)))
            picture = cloth[top : top + 64, left : left + 96].copy()
            picture[10:20, 10:20] = 4 * k % 256
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = timing(k), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def packets(path: Path) -> list[tuple[int, int, bytes]]:
    """(position in the file, time stamp, bytes) of every video packet."""
    with av.open(str(path)) as container:
        return [(p.pos, p.pts, bytes(p)) for p in container.demux(video=0) if p.size]


def scramble(path: Path, packet: tuple[int, int, bytes]) -> None:
    """Overwrite a picture behind its header."""
    data, (position, _, content) = bytearray(path.read_bytes()), packet
    start = position + min(40, len(content) // 3)
    data[start : position + len(content)] = b"\x55" * (position + len(content) - start)
    path.write_bytes(data)


def assert_sampled_as_decoded(path: Path, n: int) -> None:
    """Same length, numbers, times and pixels as the full decode."""
    every, sample = list(read_frames(path)), sample_frames(path, n)
    assert sample.total == len(every)
    assert [frame.index for frame in sample.frames] == evenly_spaced(len(every), n)
    for frame in sample.frames:
        index, time, image = every[frame.index]
        assert (frame.index, frame.time) == (index, time)
        np.testing.assert_array_equal(frame.image, image)


PARTLY = {  # decoded in part
    "long GOP, B frames": {"x264-params": "keyint=250:bframes=3:b-pyramid=normal"},
    "short GOP": {"x264-params": "keyint=8:min-keyint=8:bframes=3"},
    "no B frames": {"x264-params": "keyint=20:bframes=0"},
    "open GOP": {"x264-params": "keyint=12:min-keyint=12:open-gop=1:bframes=3:b-adapt=0"},
    "periodic intra refresh": {"x264-params": "keyint=12:intra-refresh=1:bframes=2"},
    "intra only": {"x264-params": "keyint=1"},
    "slices": {"x264-params": "slices=4:keyint=25"},
    "interlaced": {"x264-params": "tff=1:keyint=25"},
    "parameter sets in band": {"x264-params": "repeat-headers=1:keyint=10:min-keyint=10"},
    "baseline": {"profile": "baseline", "x264-params": "keyint=15"},
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("options", PARTLY.values(), ids=PARTLY.keys())
def test_part_of_an_h264_video_is_the_same_as_the_whole(tmp_path, options, suffix, monkeypatch):
    path = encode(tmp_path / f"a{suffix}", options=options)
    monkeypatch.setattr(video, "_decode", None)  # the slow path would fail
    for n in (1, 7, 32, 100):
        assert_sampled_as_decoded(path, n)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_videos_of_a_few_frames(tmp_path, count):
    assert_sampled_as_decoded(encode(tmp_path / "a.mp4", count), 10)


TIMINGS = {
    "variable rate": lambda k: k + (k // 7) * 3 + (k > 20) * 100,
    "late start": lambda k: k + 50,
    "negative start": lambda k: k - 3,
}


@pytest.mark.parametrize("timing", TIMINGS.values(), ids=TIMINGS.keys())
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_are_counted_as_they_are_shown_whatever_their_times(tmp_path, timing, suffix):
    options = {"x264-params": "keyint=16:bframes=3"}
    assert_sampled_as_decoded(encode(tmp_path / f"a{suffix}", options=options, timing=timing), 9)


def test_frames_that_an_edit_list_hides_are_not_counted(tmp_path):
    whole = encode(tmp_path / "a.mp4", options={"x264-params": "keyint=30:bframes=2"})
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source:
        given = source.streams.video[0]
        options = {"avoid_negative_ts": "disabled"}
        with av.open(str(cut), "w", options=options) as target:
            stream = target.add_stream_from_template(given)
            for packet in source.demux(given):
                if packet.size:
                    shift = round(0.4 / packet.time_base)  # as a cut without encoding does
                    packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                    packet.stream = stream
                    target.mux(packet)
    assert 0 < len(list(read_frames(cut))) < 60
    assert_sampled_as_decoded(cut, 7)


OTHERS = [("a.mpg", "mpeg1video"), ("a.avi", "mpeg4"), ("a.avi", "libx264"), ("a.ts", "libx264")]


@pytest.mark.parametrize(("name", "codec"), OTHERS)
def test_other_files_are_decoded_whole(tmp_path, name, codec):
    path = encode(tmp_path / name, codec=codec)
    assert video._decode_needed(path, lambda total: [0], LIMITS) is None
    assert_sampled_as_decoded(path, 7)


def needed_and_needless(path: Path, n: int) -> tuple[list[int], list[int]]:
    """Positions of packets that are decoded for a sample of ``n``, and of those that are not."""
    chosen: list[bool] = []
    original = h264._needed

    def spy(pictures, wanted):
        chosen.extend(original(pictures, wanted))
        return chosen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(h264, "_needed", spy)
        sample_frames(path, n)
    return [k for k, use in enumerate(chosen) if use], [
        k for k, use in enumerate(chosen) if not use
    ]


def test_what_no_wanted_frame_needs_is_left_out(tmp_path):
    options = {
        "x264-params": "keyint=10:min-keyint=10:scenecut=0:bframes=3:b-adapt=0:b-pyramid=none"
    }
    path = encode(tmp_path / "a.mp4", options=options)
    used, _ = needed_and_needless(path, 1)  # frame 30, an IDR picture
    assert used == [30]


def test_damage_where_nothing_is_decoded_leaves_the_wanted_frames_as_they_were(tmp_path):
    path = encode(tmp_path / "a.mp4", options={"x264-params": "keyint=20:bframes=3"})
    before = sample_frames(path, 5)
    _, needless = needed_and_needless(path, 5)
    assert len(needless) > 10
    for k in needless:
        scramble(path, packets(path)[k])
    after = sample_frames(path, 5)
    assert (after.total, after.damage) == (60, "")
    for a, b in zip(before.frames, after.frames, strict=True):
        assert (a.index, a.time) == (b.index, b.time)
        np.testing.assert_array_equal(a.image, b.image)


def test_damage_where_it_matters_is_treated_as_in_a_full_decode(tmp_path):
    path = encode(tmp_path / "a.mp4", options={"x264-params": "keyint=20:bframes=3"})
    used, _ = needed_and_needless(path, 5)
    found = 0
    for k in used[1:]:
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(path.read_bytes())
        scramble(broken, packets(path)[k])
        sample = sample_frames(broken, 5)
        full = video._decode(broken, [frame.index for frame in sample.frames], LIMITS)
        found += bool(sample.damage)
        for a, b in zip(sample.frames, full.frames, strict=True):
            np.testing.assert_array_equal(a.image, b.image)
        if sample.damage:
            assert (sample.total, sample.damage) == (full.total, full.damage)
    assert found > 5  # many a scrambled picture decodes, to rubbish, without complaint


def test_a_video_cut_between_two_packets_tells_how_far_it_goes(tmp_path):
    path = encode(tmp_path / "a.mp4", container_options={"movflags": "faststart"})
    position, _, _ = packets(path)[40]
    path.write_bytes(path.read_bytes()[:position])
    sample = sample_frames(path, 5)
    assert f"{sample.total} of 60 frames decode" in sample.damage
    assert [frame.index for frame in sample.frames] == evenly_spaced(sample.total, 5)


def test_frames_asked_for_by_number_are_those_of_the_full_decode(tmp_path):
    path = encode(tmp_path / "a.mp4", options={"x264-params": "keyint=20:bframes=3"})
    every = [image for _, _, image in read_frames(path)]
    asked = frames_at(path, [41, 3, 59, 99, 4])
    assert sorted(asked) == [3, 4, 41, 59]
    for index, image in asked.items():
        np.testing.assert_array_equal(image, every[index])
