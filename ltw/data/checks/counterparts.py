"""Counterparts of a forgery: its source video, another of its person, or any genuine one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ltw.data.selection import SETTING
from ltw.types import REAL


def counterparts(records: pd.DataFrame) -> pd.Series[str]:
    """Return what `ltw.data.pairing.Pairing` can pair each forged video with, indexed by video.

    ``"source"``: the genuine video it shows; ``"person"``: only others of the person it shows;
    ``"any"``: neither is there, so any genuine video. ``records`` has the columns of
    `ltw.types.Face`, a row a face or a row a video.
    """
    videos = records.drop_duplicates("video").set_index("video")
    forged, real = videos[videos["label"] == 1], videos[videos["domain"] == REAL]

    def among_real(column: str) -> pd.Series[bool]:
        keys = [*SETTING, column]
        known = pd.MultiIndex.from_frame(real[keys])
        return (forged[column] != "") & pd.MultiIndex.from_frame(forged[keys]).isin(known)

    chosen = [among_real("source_video"), among_real("person")]
    return pd.Series(np.select(chosen, ["source", "person"], "any"), index=forged.index)
