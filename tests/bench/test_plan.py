"""Runs are checked before any is trained: where their faces lie, and who is in them."""

import numpy as np
import pandas as pd
import pytest
from toy_store import FORGERIES, toy_store
from toy_suites import METHODS, TINY, toy_suite

from ltw.bench import plan as planning
from ltw.bench.plan import forgeries, plan
from ltw.bench.suites import Suite, Variant
from ltw.data.store import Store
from ltw.engine.schema import Benchmark
from ltw.errors import ConfigError, DataError
from ltw.parallel import Shard


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A second corpus, of other people, with the same forgeries."""
    return toy_store(tmp_path_factory.mktemp("other") / "store", dataset="other")


def cross(*targets, sources=FORGERIES[:2]):
    return Suite("cross", (Benchmark("toy-cross", tuple(sources), targets),), METHODS, TINY)


def test_a_run_for_every_benchmark_method_and_seed(store_path, tmp_path):
    runs = plan(toy_suite(), [store_path], tmp_path, seeds=2)
    assert len(runs) == 3 * 2 * 2
    assert len({run.folder for run in runs}) == 12
    assert {run.folder.path.parent for run in runs} == {tmp_path / "runs"}
    assert runs[1].folder.name.startswith("toy-stripes-ltw-seed0-")
    for run in runs:
        assert run.config.target == run.benchmark.targets[0]
        assert run.config.target not in run.config.sources
        assert run.config.store == store_path
        assert run.tests == (store_path,)
    assert [run.config.seed for run in runs] == [0] * 6 + [1] * 6
    assert list(tmp_path.iterdir()) == []  # planning writes nothing


def test_a_setting_makes_another_run_and_a_circumstance_does_not(store_path, tmp_path):
    def folders(**settings):
        keys = {key.replace("__", "."): value for key, value in settings.items()}
        return {r.folder for r in plan(toy_suite(), [store_path], tmp_path, settings=keys)}

    first = folders()
    assert folders(training__threads=3, training__device="cuda") == first
    assert folders(training__epochs=2).isdisjoint(first)
    assert folders(training__epochs=1) == first  # the suite's own value


def test_a_variant_is_named_and_settings_of_the_command_win(store_path, tmp_path):
    variants = [Variant("ltw", "beta=0", {"ltw.beta": 0.0}), Variant("ltw")]
    suite = toy_suite(variants=variants)
    first, second, *_ = plan(suite, [store_path], tmp_path)
    assert (first.config.ltw.beta, second.config.ltw.beta) == (0.0, 1.0)
    assert first.folder.name.startswith("toy-stripes-ltw-beta=0-seed0-")
    assert first.folder.name[-8:] != second.folder.name[-8:]
    chosen = plan(suite, [store_path], tmp_path, settings={"ltw.beta": 0.5})
    assert {run.config.ltw.beta for run in chosen} == {0.5}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training.epoch": 3}, "toy-stripes alltrain: unknown key 'training.epoch'; did you mean"),
        ({"seed": 3}, "--set seed: toy-stripes decides that"),
        ({"sources": ["a"]}, "--set sources"),
        ({"training": 3}, "training = 3"),
    ],
)
def test_a_wrong_setting_is_refused(store_path, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        plan(toy_suite(), [store_path], tmp_path, settings=settings)


def test_the_paper_compression_is_not_a_setting(store_path, tmp_path):
    benchmark = Benchmark("GID", FORGERIES[:2], (FORGERIES[3],), "c23")
    suite = Suite("s", (benchmark,), METHODS, TINY)
    assert plan(suite, [store_path], tmp_path)[0].config.compression == "c23"
    with pytest.raises(ConfigError, match="--set compression: GID decides that"):
        plan(suite, [store_path], tmp_path, settings={"compression": "c40"})


def test_the_shards_of_a_suite_are_all_of_it_once(store_path, tmp_path):
    runs = plan(toy_suite(), [store_path], tmp_path, seeds=2)
    for count in (1, 3, 5, 12, 14):
        parts = [Shard(index, count).of(runs) for index in range(1, count + 1)]
        assert sorted(r.folder.name for part in parts for r in part) == sorted(
            r.folder.name for r in runs
        )
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_sources_and_targets_may_lie_in_two_stores(store_path, other, tmp_path):
    targets = (f"other/{FORGERIES[3]}", FORGERIES[3])
    run, _ = plan(cross(*targets), [other, store_path], tmp_path)
    assert run.config.store == store_path  # the other one's data set is only tested on
    assert run.config.target is None
    assert set(run.tests) == {store_path, other}
    run, _ = plan(cross(f"other/{FORGERIES[0]}"), [store_path, other], tmp_path)
    assert run.tests == (other,)


def test_what_no_store_holds_is_said_with_what_each_has(store_path, other, tmp_path):
    with pytest.raises(DataError) as raised:
        plan(cross("bands", sources=("stripes", "spots")), [store_path], tmp_path)
    message = str(raised.value)
    assert "toy-cross: no store to train on, with stripes, spots" in message
    assert f"{store_path}: source 'spots' is not in the store" in message
    assert "it has bands, checks, columns, stripes of toy at c23" in message
    with pytest.raises(DataError, match="no test face of third/bands"):
        plan(cross("third/bands"), [store_path], tmp_path)


def test_what_two_stores_hold_is_ambiguous(store_path, other, tmp_path):
    with pytest.raises(DataError, match="each hold stripes, columns; give the one to train on"):
        plan(cross("bands"), [store_path, other], tmp_path)
    tested = toy_store(tmp_path / "tested", dataset="third", people={"test": 4})
    with pytest.raises(DataError, match=r"bands is there more than once: toy at c23.* third at"):
        plan(cross("bands"), [store_path, tested], tmp_path)


def test_two_compressions_are_not_mixed_unasked(store_path, tmp_path, monkeypatch):
    class TwoLevels(Store):
        def __init__(self, path):
            super().__init__(path)
            levels = np.where(self.records["frame"] == 0, "c40", "c23")
            self.records = self.records.assign(compression=levels)

    monkeypatch.setattr(planning, "Store", TwoLevels)
    with pytest.raises(DataError, match="--set compression=LEVEL"):
        plan(toy_suite(), [store_path], tmp_path)
    runs = plan(toy_suite(), [store_path], tmp_path, settings={"compression": "c40"})
    assert {run.config.compression for run in runs} == {"c40"}


def test_a_foreign_data_set_in_the_training_store_is_refused(store_path, tmp_path, monkeypatch):
    class Mixed(Store):
        def __init__(self, path):
            super().__init__(path)
            odd = self.records["person"].str.endswith("1")
            self.records = self.records.assign(dataset=np.where(odd, "other", "toy"))

    monkeypatch.setattr(planning, "Store", Mixed)
    with pytest.raises(DataError, match="'other' is to be tested on, never trained on"):
        plan(cross("other/bands"), [store_path], tmp_path)


class Leaking(Store):
    """A training person is shown in one test video, and is the donor of another."""

    def __init__(self, path):
        super().__init__(path)
        self.records = pd.DataFrame(self.records)
        fakes = self.records.query("split == 'test' and domain == 'bands'").index
        self.records.loc[fakes[0], "person"] = "train0"
        self.records.loc[fakes[-1], "donor_person"] = "val1"


def test_a_test_of_people_trained_on_is_refused_unless_allowed(store_path, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "Store", Leaking)
    suite = toy_suite(FORGERIES, rotations=4)
    with pytest.raises(DataError) as raised:
        plan(suite, [store_path], tmp_path)
    assert "toy-bands: trained and tested on alike" in str(raised.value)
    assert "train0" in str(raised.value)
    assert "val1" in str(raised.value)
    runs = plan(suite, [store_path], tmp_path, allow_leaks=True)
    noted = {run.benchmark.name for run in runs if run.notes}
    assert noted == {"toy-bands"}
    assert all("train0" in run.notes[0] for run in runs if run.notes)


def test_a_method_that_holds_out_a_source_needs_two(store_path, tmp_path):
    with pytest.raises(DataError, match=r"toy-stripes ltw: .* needs at least two"):
        plan(toy_suite(FORGERIES[:2]), [store_path], tmp_path)
    assert plan(toy_suite(FORGERIES[:2], METHODS[:1]), [store_path], tmp_path)


def test_the_forgeries_of_stores(store_path):
    assert forgeries([store_path]) == sorted(FORGERIES)
