"""DFDC's preview set: films of 66 actors and forgeries of them by two methods.

``dataset.json`` names every video with its label, its set and the people in it. A forgery
B_A_TAKE.mp4 is the film A_TAKE of person A with the face of person B, so, unlike for the challenge
itself, persons and sources are known. The official test set is kept; people of the training part
are wholly in train or in val, by a hash of their name.

The format is as public code that reads the set has it; it was not tried on the set itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ltw.data.readers._common import notify_skipped, notify_unlisted, shared_split
from ltw.errors import DataError
from ltw.types import ONE_LEVEL, REAL, Clip

INDEX = "dataset.json"
LAYOUT = f"""\
  {INDEX}                              {{"PATH": {{"label": "real" or "fake", "set": "train" or
                                            "test", "target_id": A, "swapped_id": B}}, ...}}
  original_videos/A/A_TAKE.mp4
  method_A/A/A_C/B_A_TAKE.mp4               and method_B"""
DATASET = "dfdc-preview"
FORGERY = re.compile(r"(?P<donor>\d+)_(?P<source>(?P<shown>\d+)_.+)")


def read_preview(root: Path, dataset: str) -> list[Clip]:
    """List the clips that ``dataset.json`` names, in its order; a domain a method's folder.

    Videos that are listed but not there are clips all the same, so that extraction records them as
    failed. Left out, and logged, are forgeries of the training part that join a
    person of train with one of val, and videos that are not listed.

    Raises:
        DataError: the list is damaged, or none of its videos is there.
    """
    clips: list[Clip] = []
    mixed: list[str] = []
    listed = _listed(root / INDEX)
    notify_unlisted(root, [root], {root / name for name in listed}, INDEX, LAYOUT)
    for name, fields in listed.items():
        clip = _clip(root, name, fields, dataset or DATASET)
        if clip.split:
            clips.append(clip)
        else:
            mixed.append(name)
    notify_skipped("forgeries that join a person of train with one of val", mixed)
    return clips


def _clip(root: Path, name: str, fields: Mapping[str, object], dataset: str) -> Clip:
    path = PurePosixPath(name)
    domain = path.parts[0] if fields["label"] == "fake" else REAL
    shown, donor, source = _people(path.stem, domain, fields)
    return Clip(
        path=root / name,
        dataset=dataset,
        domain=domain,
        label=int(domain != REAL),
        compression=ONE_LEVEL,
        video=f"{dataset}/{domain}/{ONE_LEVEL}/{path.stem}",
        split="test" if fields["set"] == "test" else shared_split(shown, donor),
        person=shown,
        source_video=source,
        donor_person=donor,
    )


def _people(name: str, domain: str, fields: Mapping[str, object]) -> tuple[str, str, str]:
    """Return who is shown, the donor and the film shown, "" where neither list nor name tells.

    The list is believed where the name says otherwise; the film shown is then unknown.
    """
    target, swapped = (str(fields.get(key) or "") for key in ("target_id", "swapped_id"))
    if domain == REAL:
        return target or name.partition("_")[0], "", name
    parts = FORGERY.fullmatch(name)
    if parts and {target, swapped} - {""} <= {parts["shown"], parts["donor"]}:
        return parts["shown"], parts["donor"], parts["source"]
    return target or name, swapped, ""


def _listed(path: Path) -> dict[str, Mapping[str, object]]:
    try:
        listed: dict[str, Mapping[str, object]] = json.loads(path.read_text())
        for name, fields in listed.items():
            for key, allowed in (("label", ("real", "fake")), ("set", ("train", "test"))):
                if fields[key] not in allowed:
                    raise ValueError(f"{name} has the {key} {fields[key]!r}")
            if fields["label"] == "fake" and "/" not in name:
                raise ValueError(f"{name} is fake and in no method's folder")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DataError(
            f"{path}: not a list of videos, each with its label, real or fake, and its set, train "
            f"or test ({error}); unpack it again"
        ) from None
    return listed
