"""The pages say what is there: commands parse, links lead somewhere, examples come out."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from ltw.cli import app

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
NEEDED = {
    *("domain", "store", "counterpart", "meta-train", "meta-test", "variant", "frame level"),
    *("video level", "benchmark", "suite", "run", "seed", "source", "target", "split"),
    *("confidence interval", "paired bootstrap"),
}
LEFT_OUT = {"MissingParameter", "BadOptionUsage"}
SHELL = {"|", ">", "&&", ";", "&", "||"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(text: str) -> Iterator[str]:
    """Yield the ltw commands of code blocks and of inline code, without remarks beside them."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in re.findall(r"^(?: {4}|\$ )?(?:\$ )?(ltw [a-z].*)$", text, re.M):
        yield re.split(r"\s{3,}|\s+# ", line)[0]
    yield from re.findall(r"`(ltw [a-z][^`\n]*)`", text)


def parse(line: str) -> str | None:
    """Return what is wrong with a command; that arguments are left out, in prose, is not.

    Of `[--format md|csv]`, an option that may be left out, the first value is tried.
    """
    words = shlex.split(re.sub(r"[\[\]]|(?<=\w)\|\w+", "", line))[1:]
    end = next((i for i, word in enumerate(words) if word in SHELL), len(words))
    words, command = words[:end], get_command(app)
    while hasattr(command, "commands"):
        if not words:
            return None  # a group, as in "the commands of `ltw store`"
        if words[0] not in command.commands:
            return f"no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    try:
        command.make_context("ltw", words)
    except SystemExit:
        return None  # --help
    except Exception as error:  # click's own errors, whose module depends on typer's version
        return None if type(error).__name__ in LEFT_OUT else str(error)
    return None


def links(text: str) -> list[str]:
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not target.startswith(("http:", "https:", "mailto:"))]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.M)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_parse(page: Path) -> None:
    lines = list(commands(page.read_text(encoding="utf-8")))
    assert not {line: wrong for line in lines if (wrong := parse(line))}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in links(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/.])(?:configs|benchmarks|docs|ltw|tests)/[\w./-]*\w", text)
    assert not [path for path in named if not (ROOT / path).exists()]


def test_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link).resolve() for link in links(index.read_text(encoding="utf-8"))}
    assert [name(page) for page in DOCS if page != index and page not in listed] == []


def navigation(part) -> Iterator[str]:
    """Yield the pages of the site's navigation, or of a part of it."""
    if isinstance(part, str):
        yield part
    else:
        for inner in part.values() if isinstance(part, dict) else part:
            yield from navigation(inner)


def test_the_sites_navigation_has_every_page_once() -> None:
    """Each page of docs/, and the notebook under the name that the site gives it."""
    pages = list(navigation(SITE["nav"]))
    assert sorted(pages) == sorted(
        [*(str(page.relative_to(ROOT / "docs")) for page in DOCS), "notebook.md"]
    )


def test_every_module_is_called_public_or_internal() -> None:
    """A new one must be decided on, else it is in neither the API reference nor kept out of it."""
    files = [
        *(ROOT / "ltw").glob("*.py"),
        *(p.parent for p in (ROOT / "ltw").glob("*/__init__.py")),
    ]
    modules = {path.stem for path in files if not path.name.startswith("_")}
    public, internal = SITE["extra"]["api"]["public"], SITE["extra"]["api"]["internal"]
    assert {name.split(".")[0] for name in (*public, *internal)} == modules, "see mkdocs.yml"
    assert not set(public) & set(internal)
    for name in public:
        importlib.import_module(f"ltw.{name}")


def terms() -> list[str]:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return re.findall(r"^(\S.*)\n:   ", glossary, re.M)


def test_the_glossary_has_each_term_once() -> None:
    named = [term.lower() for term in terms()]
    assert len(set(named)) == len(named)
    assert not NEEDED - {word for term in named for word in [term, *term.split(" and ")]}


def test_terms_set_in_italics_in_the_notebook_are_in_the_glossary() -> None:
    cells = json.loads((ROOT / "docs" / "ltw.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    named = {word.lower() for term in terms() for word in [term, *term.split(" and ")]}
    italic = {" ".join(word.split()) for word in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", text)}
    assert italic - {"italics"}
    assert not {w for w in italic - {"italics"} if w not in named and w.rstrip("s") not in named}


def test_links_of_the_notebook_lead_somewhere() -> None:
    cells = json.loads((ROOT / "docs" / "ltw.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert links(text)
    assert not [link for link in links(text) if not (ROOT / "docs" / link).exists()]


def test_the_changelog_keeps_its_format() -> None:
    """Keep a Changelog: versions, newest first, each with groups of the six kinds."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (.+)$", text, re.M)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.M)) <= kinds


def test_examples_of_scores_give_what_is_printed() -> None:
    result = doctest.testfile(str(ROOT / "docs" / "scores.md"), module_relative=False)
    assert result.attempted >= 4
    assert result.failed == 0


def test_a_wrong_command_is_found() -> None:
    assert parse("ltw predict a.jpg --modell m")
    assert parse("ltw store look faces")
    assert parse("ltw extract celebdf ROOT --store s")
    assert parse("ltw predict a.jpg 'b/**/*.mp4' --model m --json | jq .verdict") is None
    assert parse("ltw bench table DIR [--formt md|csv]")
    assert parse("ltw bench table DIR [--format md|csv]") is None
    found = list(
        commands("text\n\n    ltw demo     remark\n\n`ltw bench run` and\n    ltw x --a \\\n  b")
    )
    assert found == ["ltw demo", "ltw x --a  b", "ltw bench run"]
