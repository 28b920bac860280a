"""What library code has to say is logged; the command line shows it on standard error."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ltw
from ltw.progress import show_log

SOURCES = Path(ltw.__file__).parent
PRINTS = re.compile(r"(?<![.\w])print\(|\bconsole\.print\(|sys\.std(out|err)\.write\(")


def test_the_log_is_shown_once_and_as_it_is(capsys):
    show_log()
    show_log()
    message = "skipped [bold]names[/] :smile: " + "x" * 200
    logging.getLogger("ltw.data.readers").warning(message)
    logging.getLogger("ltw.data.readers").debug("not shown")
    out, err = capsys.readouterr()
    assert (out, err) == ("", message + "\n")


def test_a_program_that_uses_the_library_decides_itself(tmp_path):
    """Imported, not run: nothing is added to the program's own logging."""
    code = (
        "import logging, ltw.progress, ltw.data.readers\n"
        "assert not logging.getLogger('ltw').handlers\n"
        "assert not logging.getLogger().handlers\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("part", ["data", "infer", "serve", "parallel", "models", "methods"])
def test_library_code_does_not_print(part):
    printing = [
        str(path.relative_to(SOURCES))
        for path in (SOURCES / part).rglob("*.py")
        if PRINTS.search(path.read_text())
    ]
    assert printing == []
