"""A folder of one's own videos or photographs: a sub-folder a domain, the genuine ones in ``real``.

Files lying directly in the folder, or in a sub-folder ``unlabelled``, carry no label: their domain
is ``unlabelled`` and their label -1, to be looked at and scored, never trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from ltw.data.checks.counterparts import counterparts
from ltw.data.readers._common import (
    hashed_share,
    log,
    notify_skipped,
    refuse_levels,
    require_folder,
)
from ltw.errors import DataError
from ltw.media.walk import walk
from ltw.types import ONE_LEVEL, REAL, SPLITS, UNLABELLED, Clip

LAYOUT = """\
  real/...                 genuine videos or photographs, at any depth
  METHOD/...               forged ones: a folder a forgery method
  FILE                     videos or photographs without a label
  splits.csv               (optional) columns file, split (train, val or test)
  pairs.csv                (optional) columns fake, source: the genuine file a forgery shows"""
SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}


def read(root: Path, *, dataset: str = "", compressions: Collection[str] = ()) -> list[Clip]:
    """List the clips under ``root``; ``dataset`` is the folder's name where not given.

    A file's person is its first sub-folder under the domain, else its name up to the last
    underscore; with ``pairs.csv``, a forgery's person is its source's. Without ``splits.csv``
    people go to train, val and test by a hash of their name, 70/15/15. Files of other types, and
    those that ``splits.csv`` leaves out, are logged; so is how many forgeries
    have their source, only their person, or neither, to be paired with in training.

    Raises:
        DataError: the folder is missing or has no usable file, there are domains but none is
            ``real``, a CSV file is damaged or names a missing file, or compressions are asked for.
    """
    require_folder(root, LAYOUT)
    refuse_levels(root, compressions)
    paths, others = _usable(root)
    if not paths:
        raise DataError(f"{root}: no videos or photographs in this folder; expected\n{LAYOUT}")
    domains = {_domain(root, path) for path in paths}
    _require_real(root, domains)
    split_of = _table(root, "splits.csv", "file", "split")
    source_of = _table(root, "pairs.csv", "fake", "source")
    _check_values(root, split_of, source_of)
    clips, unsplit = [], []
    for path in paths:
        file = path.relative_to(root).as_posix()
        if split_of and file not in split_of:
            unsplit.append(file)
        else:
            split = split_of.get(file)
            clips.append(_clip(root, path, dataset or root.resolve().name, split, source_of))
    notify_skipped("files of other types", others)
    notify_skipped("files that splits.csv does not name", unsplit)
    _notify_counterparts(clips)
    if UNLABELLED in domains:
        log.warning("files without a label (not in a domain's folder) are not for training")
    return clips


def _notify_counterparts(clips: Sequence[Clip]) -> None:
    """Tell what training will pair the forgeries with, unless all have their source."""
    columns = [field.name for field in fields(Clip)]
    found = counterparts(pd.DataFrame(map(vars, clips), columns=columns)).value_counts()
    if set(found.index) - {"source"}:
        log.warning(
            f"counterparts of forgeries ({found.sum()}): the source {found.get('source', 0)}, "
            f"another genuine file of the person {found.get('person', 0)}, any genuine file "
            f"{found.get('any', 0)}; pairs.csv can name their sources"
        )


def _clip(
    root: Path, path: Path, dataset: str, split: str | None, source_of: dict[str, str]
) -> Clip:
    domain, file = _domain(root, path), path.relative_to(root).as_posix()
    source = root / source_of[file] if file in source_of else None
    if domain == REAL:
        source = path
    person = _person(root, source or path)
    name = _name(root, path)
    return Clip(
        path=path,
        dataset=dataset,
        domain=domain,
        label={REAL: 0, UNLABELLED: -1}.get(domain, 1),
        compression=ONE_LEVEL,
        video=f"{dataset}/{domain}/{ONE_LEVEL}/{name}",
        split=split or split_by_hash(person),
        person=person,
        source_video=_name(root, source) if source else "",
    )


def split_by_hash(person: str) -> str:
    """Return the split of a person, the same on every machine: 70% train, 15% val, 15% test."""
    share = hashed_share(person)
    for split, part in SHARES.items():
        share -= part
        if share < 0:
            return split
    return SPLITS[-1]


def _usable(root: Path) -> tuple[list[Path], list[Path]]:
    """Return the videos and photographs under ``root``, and the files of other types."""
    found, lists = walk(root), (root / "splits.csv", root / "pairs.csv")
    return found.files, [path.relative_to(root) for path in found.others if path not in lists]


def _domain(root: Path, path: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else UNLABELLED


def _name(root: Path, path: Path) -> str:
    """Return a file's name within its domain, without suffix, e.g. ``anna/take1``."""
    parts = path.relative_to(root).with_suffix("").parts
    return "/".join(parts[1:] or parts)


def _person(root: Path, path: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[1] if len(parts) > 2 else path.stem.rsplit("_", 1)[0] or path.stem


def _require_real(root: Path, domains: set[str]) -> None:
    forged = sorted(domains - {REAL, UNLABELLED})
    if forged and not (root / REAL).is_dir():
        raise DataError(
            f"{root}: the folders {', '.join(forged)} would count as forgeries, and none is named "
            f"{REAL!r}; expected\n{LAYOUT}\nIf they are all forgeries, say so by an empty folder "
            f"named {REAL!r}; if they have no label, give each folder by itself"
        )


def _table(root: Path, name: str, key: str, value: str) -> dict[str, str]:
    """Read a two-column CSV file; an empty dict where there is none."""
    path = root / name
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if not {key, value} <= set(table.columns):
        raise DataError(f"{path}: columns {list(table.columns)}; it must have {key} and {value}")
    rows = dict(zip(table[key], table[value], strict=True))
    if len(rows) < len(table):
        raise DataError(f"{path}: rows that name another row's file ({len(table) - len(rows)})")
    files = [*rows, *(rows.values() if value == "source" else ())]
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise DataError(f"{path}: files that are not there ({len(missing)}), first {missing[0]!r}")
    return rows


def _check_values(root: Path, split_of: dict[str, str], source_of: dict[str, str]) -> None:
    wrong = sorted(set(split_of.values()) - set(SPLITS))
    if wrong:
        raise DataError(f"{root / 'splits.csv'}: no such split {wrong}; use {', '.join(SPLITS)}")
    forged = [file for file in source_of.values() if not file.startswith(f"{REAL}/")]
    if forged:
        raise DataError(f"{root / 'pairs.csv'}: the source {forged[0]!r} is not in {REAL!r}")
