"""What MkDocs does not do by itself for the documentation's site (mkdocs.yml names this file).

The API reference has a page for every public module: mkdocs.yml says which packages are public, and
a module that is added to one of them has its page without further ado. Contributing, the changelog
and the notebook, which readers of the repository find elsewhere or in another form, become pages.
Links that lead out of docs/, and are right in the repository, are made right for the site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
MOVED = {
    "../README.md": "README.md",
    "ltw.ipynb": "notebook.md",
    **{f"../{file}": page for file, page in BESIDE.items()},
}
"""Links in pages of docs/, as from its top, and the site's pages that they become."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give headings GitHub's anchors; complete the navigation."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    check_lists(config.extra["api"])
    assert config.nav is not None
    (reference,) = (part["Reference"] for part in config.nav if "Reference" in part)
    reference += [
        {"API": ["api/index.md", *map(navigation, config.extra["api"]["public"])]},
        {"Contributing": BESIDE["CONTRIBUTING.md"]},
        {"Changelog": BESIDE["CHANGELOG.md"]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here, and leave out what only makes pictures."""
    pages = dict(api_pages(config.extra["api"]["public"]))
    for name, target in BESIDE.items():
        pages[target] = (ROOT / name).read_text(encoding="utf-8")
    pages["notebook.md"] = notebook_page(Path(config.docs_dir) / "ltw.ipynb")
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    return Files([file for file in files if not file.src_uri.endswith(".py")])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links that lead out of docs/ right; one to source code, which is not here, is text."""
    here = Path(page.file.src_uri).parent
    up = "../" * len(here.parts)

    def mend(link: re.Match[str]) -> str:
        text, target = link["text"], link["target"]
        path, mark, anchor = target.partition("#")
        if page.file.src_uri in BESIDE.values():  # as seen from the repository's top
            path = path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"
        known = MOVED.get(path.removeprefix(up))
        if known:
            return f"[{text}]({up}{known}{mark}{anchor})"
        outside = f"{up}../"
        return text if path.startswith(outside) else f"[{text}]({path}{mark}{anchor})"

    return re.sub(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?!\w+:|#)[^)\s]+)\)", mend, markdown)


def check_lists(api: dict[str, list[str]]) -> None:
    """Refuse a module that mkdocs.yml calls neither public nor internal, and one that is not there.

    Raises:
        PluginError: says which.
    """
    there = {name for path in (ROOT / "ltw").iterdir() if (name := module_name(path))}
    listed = {name.partition(".")[0] for name in (*api["public"], *api["internal"])}
    missing = [name for name in api["public"] if not source(name).is_file()]
    if wrong := sorted({*missing, *(there ^ listed)}):
        raise PluginError(
            f"mkdocs.yml, extra.api: {', '.join(wrong)}: not in ltw/, or in neither list; name "
            "each module of ltw/ as public or internal"
        )


def module_name(path: Path) -> str | None:
    """Return the name of the public module or package at a path, or None."""
    is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
    return None if not is_module or path.name.startswith("_") else path.stem


def source(name: str) -> Path:
    """Return where a module's or package's docstring stands, or would stand."""
    path = ROOT / "ltw" / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules(name: str) -> Iterator[str]:
    """Yield a module's dotted name below ltw, then those of the modules in it."""
    yield name
    folder = ROOT / "ltw" / name.replace(".", "/")
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if child := module_name(path):
            yield from modules(f"{name}.{child}")


def api_page(name: str) -> str:
    """Return the address of a module's page, below api/; a package's is the index of its folder."""
    path = name.replace(".", "/")
    return f"{path}/index.md" if source(name).name == "__init__.py" else f"{path}.md"


def navigation(name: str) -> dict[str, Any]:
    """Return the part of the navigation for a public module or package."""
    first, *below = modules(name)
    pages: list[Any] = [
        {module.removeprefix(f"{first}."): f"api/{api_page(module)}"} for module in below
    ]
    return {
        f"ltw.{first}": [f"api/{api_page(first)}", *pages] if pages else f"api/{api_page(first)}"
    }


def api_pages(public: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the address and the text of every page of the API reference."""
    items = []
    for name in (module for top in public for module in modules(top)):
        yield f"api/{api_page(name)}", f"# ltw.{name}\n\n::: ltw.{name}\n"
        indent = "    " * (name.count(".") if name not in public else 0)
        items.append(f"{indent}- [ltw.{name}]({api_page(name)}): {first_line(name)}")
    yield (
        "api/index.md",
        "# API reference\n\nWhat outside code may rely on, as [versions](../versioning.md) says. "
        "`from ltw import Detector` is `ltw.infer.Detector`. What is not listed is internal.\n\n"
        + "\n".join(items)
        + "\n",
    )


def first_line(name: str) -> str:
    """Return the first line of a module's docstring."""
    found = re.match(r'"""(.+?)(?:"""|\n)', source(name).read_text(encoding="utf-8"))
    if found is None:
        raise PluginError(f"{source(name)}: a public module begins with its docstring")
    return found[1]


def notebook_page(path: Path) -> str:
    """Return a notebook as Markdown: its text, its code, and what the code printed and drew."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in cell_parts(cell))


def cell_parts(cell: dict[str, Any]) -> Iterator[str]:
    """Yield a cell's source, then its outputs."""
    source = "".join(cell["source"])
    yield source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![](data:image/png;base64,{''.join(data['image/png']).strip()})"
        elif "<table" in (html := "".join(data.get("text/html", ()))):
            yield re.sub(r"\s*\n\s*", "", re.sub(r"<style.*?</style>", "", html, flags=re.S))
        elif text := "".join(output.get("text", data.get("text/plain", ()))).rstrip():
            yield f"```text\n{text}\n```"
