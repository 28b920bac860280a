"""Parallel map: what its users rely on; work functions are at module level, as processes need."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from functools import partial
from multiprocessing import Pipe, get_context
from pathlib import Path

import pytest

from ltw.errors import ConfigError, DataError, LTWError
from ltw.parallel import Failure, Shard, map_unordered, tie_to_parent
from ltw.parallel.processes import _serve


def square(x: int) -> int:
    return x * x


def square_unless(x: int) -> int:
    """1 is killed, 2 exits, 3 hangs, 4 is refused; all others are squared."""
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 2:
        os._exit(7)
    if x == 3:
        time.sleep(600)
    if x == 4:
        raise DataError("4 is not wanted")
    return square(x)


def meet(folder: Path, x: int) -> None:
    """0 returns when two processes are at work, 1 never does."""
    (folder / f"{os.getpid()}.pid").touch()
    pids(folder, 2)
    if x:
        time.sleep(600)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]


def wait_until_gone(started: list[int]) -> None:
    end = time.monotonic() + 10
    while not all(map(gone, started)):
        assert time.monotonic() < end
        time.sleep(0.02)


def pids(folder: Path, count: int) -> list[int]:
    while len(found := [int(path.stem) for path in folder.glob("*.pid")]) < count:
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def ray_cluster():
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(Path(__file__).parent)}
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(params=["local", "ray"])
def run(request):
    """`map_unordered` by either engine; Ray's on one cluster for all, as starting one is slow."""
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    return partial(map_unordered, engine=request.param)


def test_every_item_comes_back_once_with_its_position(run):
    results = list(run(square, range(10, 30), workers=2))
    assert sorted(results) == [(i, (10 + i) ** 2) for i in range(20)]


def test_no_items_start_no_process(run):
    assert list(run(square, [], workers=2)) == []


def test_a_death_and_a_hang_cost_their_item_alone(run):
    items = [5, 1, 6, 2, 7, 3, 8]
    results = dict(run(square_unless, items, workers=2, timeout=5))
    assert {i: results[i] for i in (0, 2, 4, 6)} == {0: 25, 2: 36, 4: 49, 6: 64}
    for position in (1, 3):
        assert results[position].reason.startswith("its worker process died")
    assert results[5] == Failure("took longer than 5 s")


def test_what_work_raises_is_raised_here(run):
    with pytest.raises(DataError, match="4 is not wanted") as error:
        list(run(square_unless, [5, 4, 6], workers=1))
    assert "in square_unless" in error.value.__notes__[0]


def test_items_are_drawn_as_they_are_needed(run):
    drawn = []
    results = run(square, (drawn.append(i) or i for i in range(100)), workers=2)
    for taken in range(1, 20):
        next(results)
        assert len(drawn) <= taken + 2
    results.close()


def test_a_closed_generator_stops_idle_and_hanging_processes(run, tmp_path):
    results = run(partial(meet, tmp_path), [0, 1], workers=2)
    assert next(results) == (0, None)
    started = pids(tmp_path, 2)
    results.close()
    wait_until_gone(started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_its_parent(tmp_path, number):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from functools import partial
        from pathlib import Path
        from ltw.parallel import map_unordered
        from test_parallel import meet

        if __name__ == "__main__":
            results = map_unordered(partial(meet, Path({str(tmp_path)!r})), [1, 1], workers=2)
            next(results)
        """)
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen([sys.executable, script], env=os.environ | {"PYTHONPATH": path})
    started = pids(tmp_path, 2)
    parent.send_signal(number)
    parent.wait(20)
    wait_until_gone(started)


def stay(folder: Path, seconds: float) -> None:
    """A child of a worker, as a DataLoader's are: it asks to end with its parent."""
    tie_to_parent()
    (folder / f"{os.getpid()}.pid").touch()
    time.sleep(seconds)


def have_a_child(folder: Path, x: int) -> None:
    child = get_context("fork").Process(target=stay, args=(folder, 600))
    child.start()
    (folder / f"{os.getpid()}.pid").touch()
    child.join()


@pytest.mark.parametrize(
    ("whom", "number"),
    [
        ("parent", signal.SIGINT),
        ("parent", signal.SIGTERM),
        ("parent", signal.SIGKILL),
        ("worker", signal.SIGKILL),
    ],
)
def test_no_grandchild_outlives_a_worker_or_its_parent(tmp_path, number, whom):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from functools import partial
        from pathlib import Path
        from ltw.parallel import map_unordered
        from test_parallel import have_a_child

        if __name__ == "__main__":
            work = partial(have_a_child, Path({str(tmp_path)!r}))
            print(list(map_unordered(work, [1], workers=1)))
        """)
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    parent = subprocess.Popen(
        [sys.executable, script], env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.DEVNULL
    )
    started = pids(tmp_path, 2)
    if whom == "parent":
        parent.send_signal(number)
    else:
        os.kill(min(started), number)  # the worker's number is the lower: it came first
    parent.wait(60)
    wait_until_gone(started)


def test_a_script_without_a_main_guard_is_told(tmp_path):
    script = tmp_path / "script.py"
    own = "def own(x): return x"
    call = "print(list(map_unordered(own, [1], workers=1)))"
    script.write_text(f"from ltw.parallel import map_unordered\n{own}\n{call}\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert LTWError.__name__ in done.stderr
    assert "__main__" in done.stderr


@pytest.mark.parametrize("standard_input", [False, True])
def test_functions_of_packages_need_no_main_guard(tmp_path, standard_input):
    script = tmp_path / "script.py"
    text = (
        "from ltw.parallel import map_unordered\nprint(list(map_unordered(abs, [-1], workers=1)))"
    )
    script.write_text(text)
    words, given = (["-"], text) if standard_input else ([str(script)], None)
    done = subprocess.run(
        [sys.executable, *words], input=given, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[(0, 1)]", done.stderr


def test_the_local_engine_says_how_a_process_died():
    results = dict(map_unordered(square_unless, [1, 2], workers=1))
    assert results[0] == Failure("its worker process died (SIGKILL)")
    assert results[1] == Failure("its worker process died (exit code 7)")


def test_an_unknown_engine_and_a_missing_ray_are_told(monkeypatch):
    with pytest.raises(ConfigError, match="did you mean 'local'"):
        next(map_unordered(square, [1], engine="locl"))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LTWError, match=r"pip install 'ltw\[ray\]'"):
        next(map_unordered(square, [1], engine="ray"))


@pytest.mark.parametrize(("items", "count"), [(10, 3), (2, 4), (0, 1)])
def test_shards_are_disjoint_and_make_the_whole(items, count):
    parts = [Shard.parse(f"{i}/{count}").of(range(items)) for i in range(1, count + 1)]
    assert sorted(x for part in parts for x in part) == list(range(items))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0"])
def test_a_shard_that_does_not_exist_is_told(text):
    with pytest.raises(ConfigError, match="write i/n"):
        Shard.parse(text)


def test_a_process_whose_parent_died_while_it_started_ends_without_a_traceback(monkeypatch):
    theirs, ours = Pipe()
    ours.close()
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its Ctrl-C
    _serve(theirs, square)
