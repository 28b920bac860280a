"""A finished store of small noise faces whose forgeries leave traces that can be learned fast."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import numpy as np

from ltw.data.store import Parameters
from ltw.data.store_writer import Part, VideoRecord, begin, finalize, write_part
from ltw.types import SPLITS, Face

SIZE = 32
FRAMES = 3
FORGERIES = ("stripes", "columns", "checks", "bands")
MASK = np.pad(np.full((16, 16), 255, np.uint8), 8)
PEOPLE = {"train": 6, "val": 3, "test": 4}


def toy_store(
    path: Path,
    *,
    dataset: str = "toy",
    people: dict[str, int] = PEOPLE,
    masked: Container[str] = (),
) -> Path:
    """Every person has a genuine video and, shown by the next person's clip, one a forgery.

    ``people`` counts them by split; their names begin with it. The forgeries ``masked`` come with
    manipulation masks: a square in the middle.
    """
    rng = np.random.default_rng(0)
    begin(path, Parameters(frames=FRAMES, margin=4, size=SIZE))
    for split in SPLITS:
        names = [f"{split}{n}" for n in range(people.get(split, 0))]
        for k, name in enumerate(names):
            donor = names[(k + 1) % len(names)]
            for domain in ("real", *FORGERIES):
                mask = MASK if domain in masked else None
                write_part(path, _video(dataset, name, donor, domain, split, mask, rng))
    finalize(path)
    return path


def _video(
    dataset: str,
    name: str,
    donor: str,
    domain: str,
    split: str,
    mask: np.ndarray | None,
    rng: np.random.Generator,
) -> Part:
    forged = domain != "real"
    known = {
        "dataset": dataset,
        "domain": domain,
        "label": int(forged),
        "compression": "c23",
        "video": f"{dataset}/{domain}/c23/{name}" + (f"_{donor}" if forged else ""),
        "split": split,
    }
    people = {
        "person": name,
        "source_video": name,
        "donor_person": donor if forged else "",
        "donor_video": donor if forged else "",
    }
    where = {
        "box": (4.0, 4.0, 28.0, 28.0),
        "landmarks": (9.0,) * 10,
        "crop": (2.0, 2.0, 30.0, 30.0),
    }
    faces = []
    for frame in range(FRAMES):
        face = Face(
            **known,  # type: ignore[arg-type]
            **people,
            **where,  # type: ignore[arg-type]
            frame=frame,
            time=frame / 25,
            detection_confidence=0.9,
            has_mask=mask is not None,
        )
        faces.append((face, _image(domain, rng), mask))
    record = VideoRecord(
        **known,  # type: ignore[arg-type]
        path=f"{name}.mp4",
        bytes=1,
        status="ok",
        reason="",
        frames_asked=FRAMES,
        frames_total=FRAMES,
        frames_decoded=FRAMES,
        frames_with_face=FRAMES,
    )
    return Part(record, faces)


def _image(domain: str, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    trace = {
        "real": np.zeros((SIZE, SIZE)),
        "stripes": rows % 2,
        "columns": columns % 2,
        "checks": (rows + columns) % 2,
        "bands": rows // 2 % 2,
    }[domain]
    image = rng.normal(rng.uniform(90, 160), 12, (SIZE, SIZE, 3)) + 40 * trace[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)
