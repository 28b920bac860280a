"""No name acts on a terminal, and no terminal ends a command."""

import io
import subprocess
import sys

import pytest
from rich.console import Console
from rich.table import Table

from ltw.progress import progress_bar
from ltw.terminal import printable, safe

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202egpj.exe\udcff\u2028.mp4"


@pytest.mark.parametrize("bad", ["\x1b", "\x07", "\x9b", "\r", "\u202e", "\udcff", "\u2028", "\0"])
def test_what_acts_on_a_terminal_is_replaced(bad):
    assert bad in EVIL + "\0"
    assert printable(f"a{bad}b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("name", ["Zoë 日本 🙂.mp4", "אבא.jpg", "a b\tc\nd"])
def test_names_of_any_language_stay(name):
    assert printable(name) == name


def test_half_a_character_is_no_character():
    assert printable("a\ud800b") == "a?b"


def test_a_console_prints_no_control_sequences_of_others_in_lines_and_tables():
    file = io.StringIO()
    console = safe(Console(file=file, force_terminal=True, color_system=None, width=200))
    table = Table("file")
    table.add_row(EVIL)
    console.print(EVIL, markup=False)
    console.print(table)
    shown = file.getvalue()
    assert shown.count("owned") == 2
    assert not any(c in shown for c in "\x1b\x07\x9b\r\u202e\udcff")


def test_a_progress_bar_is_as_careful(capsys):
    with progress_bar(f"score by {EVIL}", 1) as advance:
        advance(1, EVIL)
    shown = capsys.readouterr().err
    assert "owned" in shown
    assert "\x1b]0;" not in shown


def test_a_pipe_of_another_encoding_ends_nothing():
    code = (
        "from ltw.terminal import replace_unprintable; replace_unprintable();"
        "from ltw.cli.output import output; output.print('\\u65e5 \\udcff ok'); print('\\u65e5')"
    )
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("ascii").splitlines() == ["? ? ok", "?"]
