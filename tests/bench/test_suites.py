"""The paper's benchmarks and suites, against its published tables."""

import csv
from pathlib import Path

import pytest

from ltw.bench.suites import (
    METHOD_SETTINGS,
    OTHER_PEOPLE,
    STAND_INS,
    SUITES,
    Benchmark,
    Suite,
    Variant,
    find_suite,
    leave_one_out,
    rehearsal,
)
from ltw.config import parse_config, set_key
from ltw.errors import ConfigError, DataError
from ltw.synth.forgeries import DEFAULT_FORGERIES

NAMES = {"DF": "Deepfakes", "F2F": "Face2Face", "FS": "FaceSwap", "NT": "NeuralTextures"}


def test_the_nine_benchmarks_are_the_papers():
    """Table 1: three sources and the fourth as target, at two compressions; GCD on all four."""
    for short, target in NAMES.items():
        for level in ("23", "40"):
            (benchmark,) = SUITES[f"gid-{short.lower()}{level}"].benchmarks
            assert benchmark.name == f"GID-{short}{level}"
            assert benchmark.targets == (target,)
            assert set(benchmark.sources) == set(NAMES.values()) - {target}
            assert benchmark.compression == f"c{level}"
    (gcd,) = SUITES["gcd"].benchmarks
    assert set(gcd.sources) == set(NAMES.values())
    assert set(gcd.targets) == {"Celeb-DF", "DFDC", *NAMES.values()}
    assert gcd.compression == "c23"
    assert len(SUITES["gid"].benchmarks) == 8


@pytest.mark.parametrize("table", "23456")
def test_a_tables_suite_has_its_published_rows(table):
    published = Path(__file__).parents[2] / "ltw/results/published.csv"
    if not published.exists():
        published = Path(__file__).parents[2].parent / "shared/reference/published_results.csv"
    if not published.exists():
        pytest.skip("the published results are not here")
    with published.open() as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == table]
    suite = SUITES[f"table{table}"]
    cells = set()
    for benchmark in suite.benchmarks:
        for variant in suite.variants:
            backbone = suite.options(variant).get("detector.backbone", "efficientnet_b0")
            cells.add((benchmark.name, variant.method, backbone))
    assert cells == {(row["benchmark"], row["method"], row["backbone"]) for row in rows}


def test_every_suites_settings_are_keys_of_a_config():
    for suite in SUITES.values():
        for variant in suite.variants:
            values = {"store": "faces", "sources": ["a", "b"]}
            for key, value in suite.options(variant).items():
                set_key(values, key, value)
            parse_config(values, suite.name)


def test_a_sweep_moves_one_setting_and_starts_from_ltw():
    variants = SUITES["fig5"].variants
    assert {v.method for v in variants} == {"ltw"}
    assert Variant("ltw") in variants
    swept = [set(v.settings) for v in variants if v.settings]
    assert all(len(keys) == 1 for keys in swept)
    assert set().union(*swept) == {"ltw.icc_weight", "ltw.beta"}
    assert len({str(v) for v in variants}) == len(variants)


def test_leave_one_out_of_any_forgeries():
    suite = find_suite("leave-one-out", ["a", "b", "c"])
    assert [(b.targets, b.sources) for b in suite.benchmarks] == [
        (("a",), ("b", "c")),
        (("b",), ("a", "c")),
        (("c",), ("a", "b")),
    ]
    with pytest.raises(DataError, match="at least two"):
        leave_one_out(["a"], {"a": "a"})
    with pytest.raises(ConfigError, match="'gid-df'; did you mean 'gid-df"):
        find_suite("gid-df", [])


@pytest.mark.parametrize("name", ["gid", "gcd", "table5", "table6", "fig5"])
def test_a_rehearsal_is_the_same_suite_and_says_synthetic_everywhere(name):
    real, made = SUITES[name], rehearsal(SUITES[name])
    assert made.variants == real.variants
    assert made.name == f"synthetic-{name}"
    for before, after in zip(real.benchmarks, made.benchmarks, strict=True):
        assert after.name == f"synthetic-{before.name}"
        assert after.compression == before.compression
        assert after.sources == tuple(STAND_INS[source] for source in before.sources)
        assert not set(after.domains) - set(DEFAULT_FORGERIES)
        for target in after.targets:  # what is unseen stays unseen
            assert target.startswith(f"{OTHER_PEOPLE}/") or (
                (target in after.sources) == (name in ("gcd", "table6"))
            )
    assert rehearsal(SUITES["gcd"]).benchmarks[0].foreign == {OTHER_PEOPLE}


def test_a_target_of_a_named_data_set_is_not_one_of_the_others():
    benchmark = Benchmark("b", ("a", "b"), ("other/a", "a"))
    assert benchmark.foreign == {"other"}
    assert benchmark.domains == ("a",)
    assert benchmark.is_target("other/a", "other", "a")
    assert not benchmark.is_target("other/a", "own", "a")
    assert benchmark.is_target("a", "own", "a")
    assert not benchmark.is_target("a", "other", "a")


def test_whose_settings_win():
    assert METHOD_SETTINGS["multi_task"]["training.batch_size"] == 64
    variant = Variant("multi_task", "x", {"detector.image_size": 64})
    plain = Suite("s", (), (variant,))
    assert plain.options(variant) == {"detector.image_size": 64, "training.batch_size": 64}
    small = Suite("s", (), (variant,), {"training.batch_size": 8, "detector.image_size": 112})
    assert small.options(variant) == {"detector.image_size": 64, "training.batch_size": 8}


def test_methods_are_chosen_by_name():
    suite = SUITES["table6"].only(["ltw"])
    assert {v.method for v in suite.variants} == {"ltw"}
    assert len(suite.variants) == 5
    assert SUITES["table6"].only(["ltw-without-icc"]).variants == (Variant("ltw-without-icc"),)
    with pytest.raises(ConfigError, match="did you mean 'alltrain'"):
        suite.only(["altrain"])
