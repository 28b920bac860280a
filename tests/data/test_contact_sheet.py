"""What stands below the faces of a contact sheet."""

import numpy as np
import pandas as pd
import pytest
from test_store_check import SOUND, write

from ltw.data import contact_sheet
from ltw.data.store import Store


@pytest.mark.parametrize(
    ("video", "person", "lines"),
    [
        ("faceforensics/Deepfakes/c23/071_054", "071", ("071", "071_054 #12")),
        ("mine/real/unknown/anna/take1", "anna", ("anna", "anna/take1 #12")),
        (
            "wilddeepfake/real/unknown/real_test_1_131",
            "",
            ("person unknown", "real_test_1_131 #12"),
        ),
    ],
)
def test_a_caption_names_person_and_video(video, person, lines):
    face = pd.Series({"video": video, "person": person, "frame": 12})
    assert contact_sheet.caption(face) == lines


def test_every_face_has_its_two_lines_inside_its_tile(tmp_path, monkeypatch):
    written: list[tuple[tuple[int, int], str]] = []

    class Draw(contact_sheet.ImageDraw.ImageDraw):
        def text(self, xy, text, fill=None, font=None, *args, **kwargs):
            if font.size == 11:
                written.append((xy, text))
                assert self.textlength(text, font) <= contact_sheet.TILE
            super().text(xy, text, fill, font, *args, **kwargs)

    monkeypatch.setattr(contact_sheet.ImageDraw, "Draw", Draw)
    store = Store(write(tmp_path / "store", SOUND))
    sheet = contact_sheet.contact_sheet(store, columns=3, per_domain=4)
    texts = [text for _, text in written]
    assert len(texts) == 2 * (4 + 3)  # four genuine faces and the three of the forgery
    captions = {contact_sheet.caption(face) for _, face in store.records.iterrows()}
    assert set(zip(texts[::2], texts[1::2], strict=True)) <= captions
    # the lines are below the faces, not on them: what is around the ink is paper
    (x, y), _ = written[0]
    strip = sheet[y : y + 2 * contact_sheet.LINE, x : x + contact_sheet.TILE]
    assert np.median(strip) == 255
    assert strip.min() < 128
