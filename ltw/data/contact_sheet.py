"""Contact sheet of a store: a row of faces for every domain."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ltw.data.store import Store
from ltw.errors import DataError
from ltw.media.sampling import evenly_spaced

TILE, GAP, TITLE, LINE = 128, 4, 26, 14
CAPTION = 2 * LINE + 2
INK, PAPER, FAINT = (20, 20, 20), (255, 255, 255), (110, 110, 110)


def contact_sheet(store: Store, *, columns: int = 10, per_domain: int = 20) -> NDArray[np.uint8]:
    """Draw up to ``per_domain`` faces of every domain, uint8 (H, W, 3) RGB.

    A domain's faces come from as many videos as possible, evenly spread over its records; below
    each stand who is shown, and the name of its video with the frame's number.

    Raises:
        DataError: the store is empty or a face of it is damaged.
    """
    if not len(store):
        raise DataError(f"{store.path}: no faces to show")
    bands = []
    keys = ["dataset", "domain", "compression"]
    for (dataset, domain, compression), rows in store.records.groupby(keys, sort=True):
        title = f"{domain}  ({dataset}, {compression})   faces: {len(rows)}"
        title += f", videos: {rows['video'].nunique()}"
        bands.append(_band(store, title, _spread(rows, per_domain), columns))
    return np.concatenate(bands)


def _spread(rows: pd.DataFrame, n: int) -> list[int]:
    """Choose ``n`` faces: of evenly spaced videos, or of each in turn where they are few."""
    turn = rows.groupby("video").cumcount()
    first = rows.index[turn == 0]
    if len(first) >= n:
        return [int(first[k]) for k in evenly_spaced(len(first), n)]
    return sorted(int(index) for index in turn.sort_values(kind="stable").index[:n])


def _band(store: Store, title: str, chosen: list[int], columns: int) -> NDArray[np.uint8]:
    """Draw a title and the chosen faces below it, as uint8 (H, W, 3)."""
    lines = -(-len(chosen) // columns)
    width, height = GAP + columns * (TILE + GAP), TITLE + lines * (TILE + CAPTION + GAP)
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, 5), title, INK, ImageFont.load_default(15))
    for k, index in enumerate(chosen):
        x, y = GAP + k % columns * (TILE + GAP), TITLE + k // columns * (TILE + CAPTION + GAP)
        tile = cv2.resize(store.image(index), (TILE, TILE), interpolation=cv2.INTER_AREA)
        page.paste(Image.fromarray(tile), (x, y))
        person, video = caption(store.records.iloc[index])
        _write(draw, (x, y + TILE), person, INK)
        _write(draw, (x, y + TILE + LINE), video, FAINT)
    return np.asarray(page)


def caption(face: pd.Series) -> tuple[str, str]:
    """Return the two lines below a face: the person, and the video in its domain with the frame."""
    video = face["video"].split("/", 3)[-1]
    return face["person"] or "person unknown", f"{video} #{face['frame']}"


def _write(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: tuple[int, int, int]
) -> None:
    """Write ``text`` no wider than a tile; of a longer one the end, which tells files apart."""
    font = ImageFont.load_default(11)
    while draw.textlength(text, font) > TILE and len(text) > 2:
        text = "…" + text[2:]
    draw.text(corner, text, colour, font)
