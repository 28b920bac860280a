"""What commands share: how failures are listed."""

from ltw.cli.output import SCREENFUL, list_failures

REASONS = {f"v{k}": "no such file" for k in range(2000)} | {"odd": "no face found"}


def listed(capsys, items, *all_in: str) -> list[str]:
    list_failures(items, "videos that failed", *all_in)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_of_thousands_a_screenful_is_listed_counts_and_rare_reasons_first(capsys):
    title, count, first, *rest, last = listed(capsys, REASONS, "all.parquet")
    assert title == "videos that failed: 2001"
    assert count == "  2000 x no such file"
    assert first == "  odd: no face found"
    assert rest == [f"  v{k}: no such file" for k in range(SCREENFUL - 1)]
    assert last == f"  and {2001 - SCREENFUL} more: all.parquet"


def test_all_are_listed_where_nothing_else_names_them(capsys):
    assert len(listed(capsys, REASONS)) == 2 + 2001
    assert listed(capsys, {"a": "b"}) == ["videos that failed: 1", "  a: b"]
    assert listed(capsys, {}) == []
