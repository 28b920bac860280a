"""Is every lowest version in pyproject.toml true? python scripts/lowest_versions.py FOLDER

Makes an environment in FOLDER with exactly the lowest declared version of every direct dependency
(uv's resolution ``lowest-direct``; what those bring along is the newest that they allow), prints
the versions, and runs scripts/smoke_test.py there. With ``--resolution highest`` it is the newest
of everything. Needs uv, which the package's extra ``dev`` brings, and a package index.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SMOKE_TEST = ROOT / "scripts" / "smoke_test.py"
EXTRAS = ("export", "serve", "ray")  # what users install; ``dev`` and ``docs`` are ours


def main() -> None:
    """Install, compare with what is declared, and run the smoke test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="environment to make; what is there is replaced")
    parser.add_argument("--python", default=sys.executable, help="interpreter or its version")
    parser.add_argument(
        "--resolution", choices=("lowest-direct", "highest"), default="lowest-direct"
    )
    given = parser.parse_args()
    folder = given.folder.resolve()
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    uv("venv", "--clear", "--python", given.python, folder)
    wanted = f"{ROOT}[{','.join(EXTRAS)}]"
    uv("pip", "install", "--python", python, "--resolution", given.resolution, wanted)
    report = check(folder, exact=given.resolution == "lowest-direct")
    subprocess.run([python, SMOKE_TEST, folder / "smoke"], check=True)
    print(report)


def check(environment: Path, exact: bool) -> str:
    """Return a line a dependency: what is declared, what is installed.

    Raises:
        SystemExit: a dependency declares no lowest version or, where ``exact``, another is there.
    """
    installed = {
        canonicalize_name(found.metadata["Name"]): found.version
        for found in importlib.metadata.distributions(path=site_packages(environment))
    }
    lines, wrong = [], []
    for requirement in declared():
        lowest = [s.version for s in requirement.specifier if s.operator in (">=", "==", "~=")]
        found = installed[canonicalize_name(requirement.name)]
        lines.append(f"{requirement.name:34} {requirement.specifier!s:12} {found}")
        if len(lowest) != 1:
            wrong.append(f"{requirement.name} declares no lowest version in pyproject.toml")
        elif exact and not same(lowest[0], found):
            wrong.append(f"{requirement.name} declares {lowest[0]}, but {found} was installed")
    if wrong:
        sys.exit("\n".join(wrong))
    return "\n".join(lines)


def declared() -> Iterator[Requirement]:
    """Yield the direct dependencies, those of the extras too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name in EXTRAS for line in project["optional-dependencies"][name]]
    yield from map(Requirement, [*project["dependencies"], *extras])


def same(declared: str, installed: str) -> bool:
    """Whether ``installed`` is the first release that ``declared`` admits: 2.5 is 2.5.0."""
    public = installed.partition("+")[0]  # 2.5.0+cpu
    return public == declared or public.removeprefix(declared).strip(".0") == ""


def site_packages(environment: Path) -> list[str]:
    """Return the folders of the environment's packages."""
    return [str(path) for path in environment.glob("[Ll]ib/**/site-packages")]


def uv(*words: object) -> None:
    """Run uv, which lies beside this interpreter."""
    subprocess.run([sys.executable, "-m", "uv", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
