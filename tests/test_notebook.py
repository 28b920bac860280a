"""docs/ltw.ipynb runs from its first cell to its last, as small as it goes."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "ltw.ipynb"


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_it_says(monkeypatch, tmp_path):
    monkeypatch.setenv("LTW_NOTEBOOK", "small")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=200, kernel_name="python3").execute()  # raises where one fails
    shown = [cell["outputs"] for cell in notebook.cells if cell["cell_type"] == "code"]
    printed = "".join(output.get("text", "") for outputs in shown for output in outputs)
    assert "'learned_swap': 6" in printed
    assert printed.count("P(fake)") == 2
    pictures = [o for outputs in shown for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 2
    tables = [o["data"]["text/plain"] for outputs in shown for o in outputs if "data" in o]
    assert any("learned_swap" in table and "auc" in table for table in tables)


def test_its_committed_outputs_are_those_of_the_whole_notebook():
    """What readers see on its page was printed by the cells they see, run once in their order."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [o for cell in code for o in cell["outputs"] if o["output_type"] == "error"]
    assert NOTEBOOK.stat().st_size < 400_000
