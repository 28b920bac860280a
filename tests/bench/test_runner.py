"""Suites that run: kept, resumed, failed and killed runs, and what their folders say."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from metrics_table import collect, finished
from safetensors.torch import load_file
from toy_store import FORGERIES, toy_store
from toy_suites import TINY, toy_suite

from ltw.bench import runner
from ltw.bench.plan import plan
from ltw.bench.runner import run_all
from ltw.bench.suites import Suite, Variant
from ltw.engine.evaluate_run import evaluate_run
from ltw.engine.schema import Benchmark
from ltw.errors import ConfigError
from ltw.methods.ltw import LTW
from ltw.parallel import Failure
from ltw.results.runs import write_results


def in_process(work, items, *, workers):
    """Stand in for `ltw.parallel.map_unordered`: as many results, no process to start."""
    for position, item in enumerate(items):
        yield position, work(item)


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(runner, "map_unordered", in_process)


@pytest.fixture
def runs(store_path, tmp_path):
    return plan(toy_suite(rotations=2), [store_path], tmp_path)


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_every_run_is_trained_and_tested_and_then_kept(here, runs, tmp_path, capfd):
    assert run_all(runs) == {}
    assert all(run.is_finished for run in runs)
    log = (runs[0].folder.path / "log.txt").read_text()
    assert "train alltrain" in log
    assert "score alltrain" in log
    said = capfd.readouterr().err
    assert "[4/4] toy-columns ltw seed 0: done" in said
    assert "train alltrain" not in said
    before = times(tmp_path)
    assert run_all(runs) == {}
    assert "4 of 4 runs finished before" in capfd.readouterr().err
    assert times(tmp_path) == before


def test_one_failure_does_not_stop_the_rest_and_is_tried_again(here, store_path, tmp_path, capfd):
    explodes = {"training.learning_rate": 1e30, "training.steps_per_epoch": 4}
    variants = [Variant("alltrain", "explodes", explodes), Variant("alltrain")]
    runs = plan(toy_suite(variants=variants, rotations=2), [store_path], tmp_path)
    failures = run_all(runs)
    assert failures.keys() == {run.folder.name for run in runs if run.variant.name}
    assert all("rows of the store" in reason for reason in failures.values())
    assert [run.is_finished for run in runs] == [False, True, False, True]
    assert "Traceback" in (runs[0].folder.path / "log.txt").read_text()
    assert "explodes seed 0: failed" in capfd.readouterr().err
    assert run_all(runs).keys() == failures.keys()
    assert [run.row.variant for run in finished(tmp_path)] == ["", ""]


def test_a_first_phase_that_the_suite_has_run_is_not_trained_again(
    here, store_path, tmp_path, monkeypatch
):
    def run(method, out):
        suite = toy_suite(variants=[Variant(method)], rotations=1)
        (only,) = plan(suite, [store_path], tmp_path / out)
        assert run_all([only]) == {}
        return only.folder.path

    alone = run("ltw-without-meta-test", "alone")
    run("ltw", "shared")
    monkeypatch.setattr(LTW, "backward", None)
    shared = run("ltw-without-meta-test", "shared")
    assert (shared / "metrics.json").read_text() == (alone / "metrics.json").read_text()
    for name in ("checkpoints/last.safetensors", "detector/detector.safetensors"):
        own, other = load_file(shared / name), load_file(alone / name)
        assert own.keys() == other.keys()
        assert all(torch.equal(own[key], other[key]) for key in own)


def test_a_test_of_another_domain_does_not_make_a_run_finished(here, runs, store_path):
    run_all(runs[:1])
    done = json.loads((runs[0].folder.path / "metrics.json").read_text())
    (runs[0].folder.path / "metrics.json").unlink()
    (runs[0].folder.path / "predictions.parquet").unlink()
    evaluate_run(runs[0].folder.path, [store_path], [FORGERIES[3]])
    assert not runs[0].is_finished
    run_all(runs[:1])
    assert runs[0].is_finished
    now = json.loads((runs[0].folder.path / "metrics.json").read_text())["domains"]
    assert now.keys() == {*done["domains"], FORGERIES[3]}
    assert now[FORGERIES[0]] == done["domains"][FORGERIES[0]]
    evaluate_run(runs[0].folder.path, [store_path], [FORGERIES[3]])
    assert runs[0].is_finished


def test_two_calls_do_not_train_the_same_run(here, runs, monkeypatch):
    monkeypatch.setattr(runner, "LOCK_SECONDS", 0.0)
    runs[0].folder.path.mkdir(parents=True)
    with runs[0].folder.lock(0):
        failures = run_all(runs[:1])
    assert failures == {runs[0].folder.name: "another process is at this run"}
    assert not (runs[0].folder.path / "config.toml").exists()


def test_a_run_of_other_settings_is_not_passed_off_as_this_one(here, runs):
    runner.complete(runs[0])
    other = runs[0].config.model_copy(update={"seed": 1})
    with pytest.raises(ConfigError, match="other values of seed"):
        runner.complete(runner.replace(runs[0], config=other))


def test_a_process_that_dies_is_a_failure(runs, monkeypatch):
    def dies(work, items, *, workers):
        for position, _ in enumerate(items):
            yield position, Failure("its worker process died (SIGSEGV)")

    monkeypatch.setattr(runner, "map_unordered", dies)
    assert set(run_all(runs).values()) == {"its worker process died (SIGSEGV)"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_threads_do_not_depend_on_the_number_of_jobs(runs, monkeypatch, jobs):
    """On another number a sum is split otherwise, and a table's last digits differ."""
    given = []

    def record(work, items, *, workers):
        given.extend((workers, run.config.training.threads) for run in items)
        return iter(())

    monkeypatch.setattr(runner, "map_unordered", record)
    run_all(runs, jobs=jobs)
    assert given == [(jobs, 2)] * 4


def test_results_are_read_from_run_folders_alone(here, runs, tmp_path):
    run_all(runs)
    table = collect(tmp_path)
    assert len(table) == 4 * 1 * 2 * 4  # runs, targets, levels, metrics
    assert not table.duplicated(["run", "target", "level", "metric"]).any()
    for run in runs:
        own = table[table["run"] == run.folder.name]
        (target,) = run.benchmark.targets
        measured = json.loads((run.folder.path / "metrics.json").read_text())["domains"][target]
        for row in own.itertuples():
            assert (row.method, row.target) == (run.variant.method, target)
            cell = measured[row.level][row.metric]
            assert (row.value, row.low, row.high) == (cell["value"], cell["low"], cell["high"])
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "runs").rename(moved / "runs")
    pd.testing.assert_frame_equal(collect(moved), table)
    (moved / "runs" / runs[0].folder.name / "metrics.json").unlink()
    assert len(collect(moved)) == 24
    results = json.loads(write_results(moved).read_text())["runs"]
    assert [run["run"] for run in results] == sorted(run.folder.name for run in runs[1:])
    assert results[0]["targets"].keys() == set(results[0]["benchmark"]["targets"])
    assert len(collect(tmp_path)) == 0


def test_a_run_is_tested_on_another_store_and_leaks_stay_visible(here, store_path, tmp_path):
    other = toy_store(tmp_path / "other", dataset="other")
    benchmark = Benchmark("toy-cross", FORGERIES[:2], ("other/stripes", "stripes", "bands"))
    suite = Suite("cross", (benchmark,), (Variant("alltrain"),), TINY)
    (run,) = plan(suite, [store_path, other], tmp_path)
    run = runner.replace(run, notes=("leak: somebody",))
    assert run_all([run]) == {}
    table = collect(tmp_path)
    assert list(table["target"].unique()) == ["other/stripes", "stripes", "bands"]
    assert table.groupby("target")["dataset"].first().to_dict() == {
        "other/stripes": "other",
        "stripes": "toy",
        "bands": "toy",
    }
    assert set(table["notes"]) == {"leak: somebody"}


def bench(store, out, *more):
    """The command line of four short runs."""
    keys = {**TINY, "training.steps_per_epoch": 8, "training.epochs": 2}
    settings = [x for k, v in keys.items() for x in ("--set", f"{k}={json.dumps(v)}")]
    return [
        *(sys.executable, "-m", "ltw", "bench", "run", "leave-one-out"),
        *("--store", str(store), "--out", str(out), "--methods", "alltrain"),
        *settings,
        *more,
    ]


def processes(out):
    lines = "".join(log.read_text() for log in out.glob("runs/*/log.txt")).splitlines()
    return {int(line.rpartition(" ")[2]) for line in lines if line.startswith("---")}


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def whole(store_path, tmp_path_factory):
    """The figures of the same suite in one piece."""
    out = tmp_path_factory.mktemp("whole")
    subprocess.run(bench(store_path, out), check=True, capture_output=True)
    return collect(out)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_suite_leaves_no_process_and_goes_on(store_path, tmp_path, whole, how):
    with subprocess.Popen(
        bench(store_path, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: list(tmp_path.glob("runs/*/metrics.json")))
        wait_for(lambda: len(list(tmp_path.glob("runs/*/metrics.jsonl"))) >= 2)
        process.send_signal(how)
        assert process.wait(30) != 0
    wait_for(lambda: not any(map(alive, processes(tmp_path))), 30)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/metrics.json")}
    assert 1 <= len(kept) < 4
    again = subprocess.run(bench(store_path, tmp_path), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 4 runs finished before" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    pd.testing.assert_frame_equal(collect(tmp_path), whole)


@pytest.mark.slow
def test_a_run_whose_process_is_killed_fails_alone(store_path, tmp_path):
    with subprocess.Popen(
        bench(store_path, tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: list(tmp_path.glob("runs/*/metrics.jsonl")))
        for pid in processes(tmp_path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "runs that failed, of 4: 1" in err
    assert "SIGKILL" in err
    assert len(finished(tmp_path)) == 3
    assert out.strip() == str(tmp_path / "results.json")
