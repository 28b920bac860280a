"""The files of a folder, at any depth: what is read, and what is there beside, with the reason."""

from __future__ import annotations

import os
import stat
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from ltw.media.formats import HEAD, MEDIA_SUFFIXES, NOT_READ, identify, unknown


@dataclass
class Listing:
    """What a folder holds.

    Attributes:
        files: pictures and videos, sorted by path.
        others: files of no known format, with the reason.
        unread: what nobody can look into (folders, links to nothing), with the reason.
        repeated: links to folders that are there by another path already, which is given.
        hidden: how many hidden files and folders there are; they are not looked at.
    """

    files: list[Path] = field(default_factory=list)
    others: dict[Path, str] = field(default_factory=dict)
    unread: dict[Path, str] = field(default_factory=dict)
    repeated: dict[Path, Path] = field(default_factory=dict)
    hidden: int = 0

    @property
    def left_out(self) -> dict[Path, str]:
        """All that was seen and is not in ``files``, sorted by path; hidden files are not seen."""
        return dict(sorted((self.others | self.unread).items()))


def walk(folder: Path) -> Listing:
    """List the pictures and videos in ``folder`` and below.

    A file is taken whose suffix is of a known format, or whose first bytes are. Links to files and
    folders are followed. A folder that several links lead to, as in a loop, is walked once, by its
    own path where that is below ``folder``. Names that begin with a dot are hidden and passed over.
    """
    found = Listing()
    seen: dict[tuple[int, int], Path] = {}
    folders, links = deque([folder]), deque[Path]()
    while folders or links:  # links last: a folder's own path comes before other names for it
        place = folders.popleft() if folders else links.popleft()
        try:
            state = place.stat()
            before = seen.setdefault((state.st_dev, state.st_ino), place)
            if before is not place:
                found.repeated[place] = before
                continue
            with os.scandir(place) as entries:
                there = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            found.unread[place] = f"cannot be looked into ({error.strerror})"
            continue
        for entry in there:
            path = place / entry.name
            if entry.name.startswith("."):
                found.hidden += 1
            elif not _is_folder(entry):
                _sort_in(path, found)
            elif entry.is_symlink():
                links.append(path)
            else:
                folders.append(path)
    found.files.sort()
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _sort_in(path: Path, found: Listing) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        broken = "a link to nothing" if path.is_symlink() else "cannot be read"
        found.unread[path] = f"{broken} ({error.strerror})"
        return
    if not stat.S_ISREG(mode):
        found.others[path] = "is not a regular file"
    elif path.suffix.lower() in MEDIA_SUFFIXES:
        found.files.append(path)
    elif reason := _why_not(path):
        found.others[path] = reason
    else:
        found.files.append(path)


def _why_not(path: Path) -> str:
    """Why a file without a known suffix is not read; "" where its first bytes are known."""
    if path.suffix.lower() in NOT_READ:
        return NOT_READ[path.suffix.lower()]
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if identify(head) else unknown(head, path)
