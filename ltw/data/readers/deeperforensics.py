"""DeeperForensics-1.0: films of FaceForensics++ with the faces of a hundred paid actors.

A forgery TARGET_ACTOR is the film TARGET of FaceForensics++ with ACTOR's face, in eleven variants
of the same thousand: as made, and with distortions of several kinds and strengths. Every variant is
a domain, for the genuine films come without distortions. The genuine films are FaceForensics++'s at
c23: the authors may not give them out, and name them, and not the actors' recordings
(``source_videos``), as what stands against the forgeries. The recordings are not read.

The official split lists name forgeries; a film is in the split of the forgery that shows it.

The layout is as the authors' repository (EndlessSora/DeeperForensics-1.0) has it; where the split
lists lie, also as DeepfakeBench reads them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from ltw.data.readers._clip import clip
from ltw.data.readers._common import notify_skipped, refuse_levels, require_folder, visible_files
from ltw.errors import DataError
from ltw.types import REAL, SPLITS, Clip

DATASET = "deeperforensics"
LISTS, FORGED = "lists/splits", "manipulated_videos"
FILMS = "original_sequences/youtube/c23/videos"
VARIANTS = (
    "end_to_end",
    *(f"end_to_end_level_{level}" for level in range(1, 6)),
    "end_to_end_random_level",
    *(f"end_to_end_mix_{n}_distortions" for n in range(2, 5)),
    "reenact_postprocess",
)
LAYOUT = f"""\
  {LISTS}/{{train,val,test}}.txt                    lines such as 000_M101.mp4
  {FORGED}/VARIANT/TARGET_ACTOR.mp4      VARIANT: end_to_end, end_to_end_level_1, ...
  {FILMS}/TARGET.mp4    the films, from FaceForensics++
where variants may be left out"""
FORGERY = re.compile(r"(?P<target>\d+)_(?P<actor>[MW]\d+)")


def read(root: Path, *, dataset: str = DATASET, compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips of DeeperForensics-1.0: the films, then the forgeries by their paths.

    Left out and logged are variants that are not there, forgeries that are in no
    list or have other names, and films that no listed forgery shows.

    Raises:
        DataError: the folder, a list, the films or the forgeries are missing, a list is damaged or
            puts a film into two splits, or compressions are asked for (there is one).
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    split_of, split_of_film = _splits(root)
    clips: list[Clip] = []
    unlisted: list[Path] = []
    for path in visible_files(root / FILMS):
        split = split_of_film.get(path.stem)
        if split and path.suffix == ".mp4":
            film = path.stem
            clips.append(clip(path, dataset, REAL, film, split, person=film, source=film))
    if not clips:
        raise DataError(
            f"{root / FILMS}: none of the films of FaceForensics++ is there; they are what stands "
            f"against the forgeries: link the folder original_sequences of your FaceForensics++ "
            f"(compression c23) into {root}"
        )
    films = len(clips)
    for path in visible_files(root / FORGED):
        file = path.relative_to(root)
        name = FORGERY.fullmatch(path.stem)
        split = split_of.get(path.stem)
        if name and split and path.suffix == ".mp4" and len(file.parts) == 3:
            target, actor = name["target"], name["actor"]
            clips.append(
                clip(
                    path,
                    dataset,
                    file.parts[1],
                    path.stem,
                    split,
                    person=target,
                    source=target,
                    donor=actor,
                )
            )
        else:
            unlisted.append(file)
    if len(clips) == films:
        raise DataError(f"{root / FORGED}: no forgery that the lists name; expected\n{LAYOUT}")
    present = {c.domain for c in clips}
    notify_skipped("variants that are not there", [v for v in VARIANTS if v not in present])
    notify_skipped("forgeries in no list, or with other names", unlisted)
    return clips


def _splits(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the split of every listed forgery and of every film shown, by name."""
    split_of: dict[str, str] = {}
    split_of_film: dict[str, str] = {}
    for split in SPLITS:
        path = root / LISTS / f"{split}.txt"
        if not path.is_file():
            raise DataError(
                f"{path} is missing; unpack the lists of the data set: expected\n{LAYOUT}"
            )
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            stem = PurePosixPath(line.strip()).stem
            name = FORGERY.fullmatch(stem)
            if name is None:
                if stem:
                    raise DataError(
                        f"{path}, line {number}: {line.strip()!r} is not a forgery's name, as in "
                        "000_M101.mp4; unpack it again"
                    )
                continue
            for known, key in ((split_of, stem), (split_of_film, name["target"])):
                if known.setdefault(key, split) != split:
                    raise DataError(
                        f"{path}, line {number}: {key} is in {known[key]} as well; unpack the "
                        "lists again"
                    )
    return split_of, split_of_film
