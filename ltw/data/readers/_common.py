"""What readers share: the check of the root, and telling what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltw.errors import DataError
from ltw.progress import console


def require_folder(root: Path, layout: str) -> None:
    """Raise `DataError`, with the expected ``layout``, unless ``root`` is a non-empty folder."""
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {what}; expected a folder laid out as\n{layout}")
    if not any(root.iterdir()):
        raise DataError(f"{root} is empty; expected\n{layout}")


def visible_files(folder: Path) -> list[Path]:
    """Return all files under ``folder``, sorted; hidden ones are left out."""
    paths = (p for p in folder.rglob("*") if p.is_file())
    return sorted(
        p for p in paths if not any(n.startswith(".") for n in p.relative_to(folder).parts)
    )


def tell_skipped(what: str, names: Sequence[object], shown: int = 10) -> None:
    """Tell on standard error what was not taken and why; nothing where ``names`` is empty."""
    if names:
        listed = ", ".join(str(name) for name in names[:shown])
        more = f" and {len(names) - shown} more" if len(names) > shown else ""
        tell(f"skipped {len(names)} {what}: {listed}{more}")


def tell(message: str) -> None:
    """Print a notice on standard error, as it is."""
    console.print(message, markup=False, highlight=False, soft_wrap=True)
