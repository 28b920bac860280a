"""Write the findings of docs/results/README.md from its CSV files: every number and claim in them.

    python scripts/results_summary.py

A test holds that what is committed is what this writes, so no claim outlives its figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ltw.files import write_text
from ltw.labels import difference, domain_name, method_name, with_interval

FOLDER = Path(__file__).parents[1] / "docs/results"
CORPORA = {"rendered": "rendered people", "london": "London portraits"}
BEGIN, END = "<!-- begin: python scripts/results_summary.py -->", "<!-- end -->"


def summary(folder: Path = FOLDER) -> str:
    """Return the generated part of the page."""
    tables = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=False) for name in CORPORA}
    means = {name: _means(table) for name, table in tables.items()}
    parts = [
        "Frame AUC on the forgery left out, mean of the four, with 95% confidence intervals:",
        _table(means),
    ]
    for name, table in tables.items():
        parts.append(f"**{CORPORA[name].capitalize()}.** " + " ".join(_claims(table)))
    return "\n\n".join(parts)


def _means(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[(table["metric"] == "auc") & (table["target"] == "") & (table["versus"] == "")]
    return _numbers(rows).set_index("method")


def _numbers(rows: pd.DataFrame) -> pd.DataFrame:
    found = {column: pd.to_numeric(rows[column]) for column in ("value", "low", "high")}
    return rows.assign(**found)


def _table(means: dict[str, pd.DataFrame]) -> str:
    methods = next(iter(means.values())).index
    head = ["method", *(CORPORA[name] for name in means)]
    lines = [head, ["---"] + ["---:"] * len(means)]
    for method in methods:
        rows = (table.loc[method, ["value", "low", "high"]] for table in means.values())
        lines.append([method_name(str(method)), *(with_interval(*row) for row in rows)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _claims(table: pd.DataFrame) -> Iterator[str]:
    means = _means(table)["value"].sort_values(ascending=False)
    first, second = means.index[:2]
    yield (
        f"Highest on the mean: {method_name(first)} ({means[first]:.3f}), then "
        f"{method_name(second)} ({means[second]:.3f}); LTW is number "
        f"{list(means.index).index('ltw') + 1} of {len(means)}."
    )
    compared = _numbers(table[(table["versus"] != "") & (table["value"] != "")])
    over_all = compared[compared["target"] == ""].set_index("versus")
    for other in ("alltrain", "ltw-without-weights"):
        row = over_all.loc[other]
        yield (
            f"LTW − {method_name(other)} is "
            f"{difference(row['value'], row['low'], row['high'])}, {_reading(row)}."
        )
    decided = compared[(compared["low"] > 0) | (compared["high"] < 0)]
    yield (
        f"Of {len(compared)} intervals of LTW's differences {len(decided)} leave zero out"
        + (": " + "; ".join(_places(decided)) if len(decided) else "")
        + f". About {len(compared) / 20:.0f} would by chance."
    )


def _reading(row: pd.Series[float]) -> str:
    if row["low"] > 0:
        return "which favours LTW"
    return "which favours the other" if row["high"] < 0 else "which does not tell them apart"


def _places(rows: pd.DataFrame) -> Iterator[str]:
    for row in rows.itertuples():
        where = domain_name(str(row.target)) if row.target else "their mean"
        value = difference(float(row.value), float(row.low), float(row.high))  # type: ignore[arg-type]
        yield f"{method_name(str(row.versus))} on {where} {value}"


def page(folder: Path = FOLDER) -> str:
    """Return the page with its generated part made anew."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{summary(folder)}\n\n{END}{after}"


if __name__ == "__main__":
    write_text(FOLDER / "README.md", page())
