"""The counterparts foretold are those that pairing then finds."""

import numpy as np
import pandas as pd
from test_readers import read_folder, touch

from ltw.data.checks.counterparts import counterparts
from ltw.data.pairing import Pairing


def records_of(clips) -> pd.DataFrame:
    return pd.DataFrame([vars(clip) | {"frame": 0} for clip in clips])


def test_a_folder_tells_which_counterparts_training_will_take_and_takes_them(tmp_path, capsys):
    root = tmp_path / "mine"
    touch(root / "real" / "anna_1.mp4", root / "real" / "anna_2.mp4", root / "real" / "bob.mp4")
    touch(root / "swap" / "anna_bob.mp4", root / "swap" / "bob_anna.mp4")
    touch(root / "swap" / "stranger.mp4", root / "swap" / "x9.mp4")
    (root / "pairs.csv").write_text("fake,source\nswap/x9.mp4,real/anna_2.mp4\n")
    records = records_of(read_folder(root))
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "counterparts of forgeries (4): the source 1, another genuine file of the person 2, any "
        "genuine file 1; pairs.csv" in told
    )
    assert counterparts(records).to_dict() == {
        "mine/swap/unknown/anna_bob": "person",
        "mine/swap/unknown/bob_anna": "person",
        "mine/swap/unknown/stranger": "any",
        "mine/swap/unknown/x9": "source",
    }
    pairing, rng = Pairing(records), np.random.default_rng(0)
    paired = {
        records["video"][face].split("/")[-1]: records["video"][
            pairing.counterpart(face, ["swap"], rng)
        ].split("/")[-1]
        for face in records.index[records["label"] == 1]
    }
    assert paired["x9"] == "anna_2"
    assert paired["bob_anna"] == "bob"
    assert paired["anna_bob"] in {"anna_1", "anna_2"}
    assert pairing.fallbacks == {"person": 2, "any": 1}


def test_a_folder_whose_sources_are_all_known_or_without_forgeries_tells_nothing(tmp_path, capsys):
    touch(tmp_path / "real" / "a.mp4")
    read_folder(tmp_path)
    touch(tmp_path / "swap" / "b.mp4")
    (tmp_path / "pairs.csv").write_text("fake,source\nswap/b.mp4,real/a.mp4\n")
    read_folder(tmp_path)
    assert capsys.readouterr().err == ""


def test_other_data_sets_and_levels_and_unknown_names_are_no_counterparts():
    columns = ["video", "dataset", "compression", "domain", "label", "source_video", "person"]
    rows = [
        ("r", "a", "c23", "real", 0, "x", "p"),
        ("u", "a", "c23", "real", 0, "", ""),
        ("same", "a", "c23", "swap", 1, "x", "p"),
        ("same", "a", "c23", "swap", 1, "x", "p"),  # another face of it
        ("level", "a", "c40", "swap", 1, "x", "p"),
        ("set", "b", "c23", "swap", 1, "x", "p"),
        ("unknown", "a", "c23", "swap", 1, "", ""),
    ]
    assert counterparts(pd.DataFrame(rows, columns=columns)).to_dict() == {
        "same": "source",
        "level": "any",
        "set": "any",
        "unknown": "any",
    }
