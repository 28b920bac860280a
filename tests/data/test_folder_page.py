"""The page on folders shows what is printed on one."""

from pathlib import Path

import pytest
from blobs import blob_video
from test_readers import touch

from ltw.data.checks.store_check import store_check
from ltw.data.extract import extract
from ltw.data.readers import READERS

PAGE = Path(__file__).parents[2] / "docs" / "datasets" / "folder.md"


@pytest.mark.usefixtures("squares_are_faces")
def test_notices_and_notes_are_those_of_the_page(tmp_path, capsys):
    root = tmp_path / "mine"
    names = ["real/anna_1", "real/ben_1"]
    names += ["swap/clip_7", "swap/anna_2", "swap/ben_2", "swap/someone_1"]
    for k, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        blob_video(root / f"{name}.mp4", [[(32, 32, 20 + 2 * k)]] * 2)
    touch(root / "notes.txt")
    (root / "pairs.csv").write_text("fake,source\nswap/clip_7.mp4,real/anna_1.mp4\n")
    (root / "splits.csv").write_text(
        "\n".join(["file,split", *(f"{name}.mp4,train" for name in names)])
    )
    clips = READERS["folder"](root)
    printed = capsys.readouterr().err.splitlines()
    extract(clips, tmp_path / "store", frames=2, size=64, workers=1)
    found = store_check(tmp_path / "store")
    assert found.problems == []
    printed += [f"note: {note}" for note in found.notes]
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert len(printed) == 3
    assert [line for line in printed if line not in page] == []
