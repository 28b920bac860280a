"""Self-contained HTML pages from the templates of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import jinja2

from ltw.palette import theme_css


def render_page(template: str, filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """Fill a template; every page also gets the ``theme`` (CSS) and the package's ``version``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ltw.bench"), autoescape=True, trim_blocks=True
    )
    environment.filters |= filters
    page = environment.get_template(template)
    return page.render(theme=theme_css(), version=version("ltw"), **values)
