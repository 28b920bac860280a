"""The page of committed results says what its CSV files say."""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import results_summary  # noqa: E402


def test_the_committed_page_is_the_generated_one():
    committed = (ROOT / "docs/results/README.md").read_text(encoding="utf-8")
    assert committed == results_summary.page(), "run: python scripts/results_summary.py"


def test_a_claim_follows_its_figures(tmp_path):
    """An interval that is moved off zero is listed, one that is moved onto it is not."""
    source = ROOT / "docs/results/london.csv"
    for name in results_summary.CORPORA:
        table = pd.read_csv(source, keep_default_na=False)
        erm = (table["versus"] == "alltrain") & (table["target"] == "")
        table.loc[erm, ["value", "low", "high"]] = [0.1, 0.05, 0.15]
        table.loc[(table["versus"] != "") & ~erm, ["low", "high"]] = [-0.5, 0.5]
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    text = results_summary.summary(tmp_path)
    assert text.count("LTW − ERM is +0.100 [+0.050, +0.150], which favours LTW.") == 2
    assert "1 leave zero out: ERM on their mean +0.100 [+0.050, +0.150]." in text
