"""The files in configs/: what the generator writes, what the suites train, what the paper found."""

import re
import shlex
from pathlib import Path

import pytest

from ltw.bench.plan import variant_config
from ltw.bench.suites import SUITES
from ltw.config import load_config
from ltw.engine.settings import run_settings
from ltw.report.experiment_files import experiments
from ltw.results.published import published

CONFIGS = Path(__file__).parents[2] / "configs"
TABLES = ("table2", "table3", "table4", "table5", "table6", "fig5")


def test_the_committed_files_are_those_that_are_generated():
    made = {path.as_posix(): text for path, text in experiments()}
    committed = {
        path.relative_to(CONFIGS).as_posix(): path.read_text(encoding="utf-8")
        for table in TABLES
        for path in (CONFIGS / table).rglob("*.toml")
    }
    assert committed == made, "run: python -m ltw.report.experiment_files configs"


@pytest.mark.parametrize("table", TABLES)
def test_the_files_of_a_table_are_the_runs_of_its_suite(table):
    suite = SUITES[table]
    files = [load_config(path) for path in sorted((CONFIGS / table).glob("*.toml"))]
    runs = [
        variant_config(suite, benchmark, variant, CONFIGS)
        for benchmark in suite.benchmarks
        for variant in suite.variants
    ]
    assert len(files) == len(runs)
    assert sorted(map(str, map(run_settings, files))) == sorted(map(str, map(run_settings, runs)))
    assert {(file.store).resolve() for file in files} == {(CONFIGS / "../faces/ff").resolve()}


def test_every_published_figure_stands_in_the_head_of_its_rows_file():
    """The heads are read back by their words, not by the code that wrote them."""
    labels = {"ACC": "acc", "log loss": "log_loss", "AUC": "auc", "EER": "eer"}
    found = {}
    for table in TABLES[:-1]:
        for path in (CONFIGS / table).glob("*.toml"):
            config = load_config(path)
            text = path.read_text(encoding="utf-8")
            benchmark = re.search(r"\. (\S+), ", text.splitlines()[0])[1]
            for target, values in re.findall(
                r"^# (?:Published:| {10}) (\S+): (ACC.*) \(", text, re.M
            ):
                for label, value in re.findall(r"([A-Za-z ]+?) ([\d.]+)(?:, |$)", values):
                    key = (table[-1], config.method, config.detector.backbone, benchmark, target)
                    found[(*key, labels[label])] = float(value)
    assert found == dict(published())


def test_the_commands_in_a_head_name_the_file_and_the_benchmarks_targets():
    for path in CONFIGS.rglob("table*/*.toml"):
        text = path.read_text(encoding="utf-8").replace("\\\n#", "")
        train, evaluate = re.findall(r"ltw (?:train|evaluate) .*", text)
        assert CONFIGS.parent / shlex.split(train)[2] == path
        assert shlex.split(train)[4] == shlex.split(evaluate)[2]
        config = load_config(path)
        named = re.findall(r"--domain (\S+)", evaluate)
        assert named == ([config.target] if config.target else named)
        assert len(named) == (1 if config.target else 6)
