"""Atomic writes: what fails keeps the old file and names the new, and leftovers are swept."""

import errno
import os
import subprocess
import sys
import time

import pytest
from safetensors import SafetensorError

from ltw import files
from ltw.files import atomic, require_writable, scratch_folder, sweep, write_text


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, error):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write():
        with atomic(path) as part:
            part.write_text("ne")
            raise error

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_umask_says_who_may_read_whatever_the_writer_does(tmp_path):
    before = os.umask(0o022)
    try:
        with atomic(tmp_path / "a") as part:
            part.unlink()
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))  # as a temporary file is made
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def killed_writes(folder):
    """Leave a part and a scratch folder of a process that is dead."""
    script = f"""
import os, pathlib
from ltw.files import atomic, scratch_folder
path = pathlib.Path({str(folder)!r}) / "a.onnx"
with atomic(path) as part, scratch_folder(path) as scratch:
    part.write_text("half")
    (scratch / "big").write_text("half")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)


def test_what_killed_writes_left_is_swept_and_what_the_living_write_is_not(tmp_path):
    killed_writes(tmp_path)
    assert len(names(tmp_path)) == 2
    old = tmp_path / ".b.0123456789abcdef0123456789abcdef.part"  # as earlier versions named them
    old.write_text("half")
    with atomic(tmp_path / "a.onnx") as part, scratch_folder(tmp_path / "a.onnx") as scratch:
        part.write_text("whole")
        sweep(tmp_path)
        assert names(tmp_path) == sorted([part.name, scratch.name, old.name])
    day_ago = time.time() - files.STALE_SECONDS - 1
    os.utime(old, (day_ago, day_ago))
    sweep(tmp_path)
    assert names(tmp_path) == ["a.onnx"]


def test_outputs_are_checked_before_the_work_and_left_as_they_are(tmp_path):
    killed_writes(tmp_path)
    write_text(tmp_path / "a.onnx", "old")
    require_writable(tmp_path / "a.onnx")
    assert names(tmp_path) == ["a.onnx"]
    assert (tmp_path / "a.onnx").read_text() == "old"
    require_writable(tmp_path / "new" / "b.csv")
    assert names(tmp_path / "new") == []
    for path in (tmp_path, tmp_path / "a.onnx" / "b.csv", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r"Errno \d+") as caught:
            require_writable(path)
        assert caught.value.filename == str(path)
        assert caught.value.strerror
