"""All official videos that a store lacks, in a file beside it, and their number in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ltw.data.checks.completeness import Note
from ltw.files import write_text

LIST = "missing.txt"


def list_missing(notes: Sequence[Note], store: Path) -> str:
    """Write what ``notes`` say is missing into ``missing.txt`` in ``store``; sum it up.

    Where the folder cannot be written to, the sentence says so and nothing is written.
    """
    totals: dict[str, int] = {}
    for note in notes:
        totals[note.where] = totals.get(note.where, 0) + note.missing
    counts = ", ".join(f"{n} of {where}" for where, n in totals.items())
    path = store / LIST
    try:
        write_text(path, "".join(f"{line}\n" for note in notes for line in _lines(note)))
    except OSError as error:
        return f"official videos missing: {counts}; {path} cannot be written ({error.strerror})"
    return f"official videos missing: {counts}; listed in {path}"


def _lines(note: Note) -> Iterator[str]:
    yield note.text
    yield from (f"  {name}" for name in note.names)
    unknown = note.missing - len(note.names)
    if unknown:
        yield f"  {unknown} whose names are not known here"
