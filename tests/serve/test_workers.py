"""A worker that hangs or dies costs its file alone; the queue is bounded."""

import pytest
from services import LIMITS, ended, send, serving, until, workers

from ltw.errors import DataError
from ltw.serve import Pool


@pytest.fixture
def one(model):
    """A service with one worker and little patience."""
    with serving(model, LIMITS.model_copy(update={"seconds": 5.0, "queue": 1})) as client:
        (client.worker,) = workers()[-1:]
        yield client


@pytest.mark.slow
def test_a_hung_worker_is_killed_and_replaced(one, files):
    one.worker.suspend()
    answer = send(one, files / "photo.png")
    assert answer.status_code == 422
    assert answer.json() == {"error": "Scoring took longer than 5 s, the limit."}
    assert not one.worker.is_running()
    assert send(one, files / "photo.png").status_code == 200


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_file_alone(one, files):
    one.worker.suspend()
    job = send(one, files / "photo.png", "/api/jobs").json()["id"]
    until(lambda: one.get(f"/api/jobs/{job}").json()["state"] == "working")
    one.worker.kill()
    assert "broke down on this file (its worker process died (SIGKILL))" in ended(one, job)["error"]
    until(lambda: one.get("/health/ready").status_code == 200)
    workers()[-1].kill()  # while it has nothing to do: costs nothing
    until(lambda: one.get("/health/ready").status_code == 503)
    again = send(one, files / "photo.png")
    assert again.status_code == 200, again.text


@pytest.mark.slow
def test_a_full_queue_says_when_to_come_back_and_a_cancelled_job_makes_room(one, files):
    one.worker.suspend()
    jobs = [send(one, files / "photo.png", "/api/jobs").json()["id"] for _ in range(2)]
    until(lambda: one.get(f"/api/jobs/{jobs[0]}").json()["state"] == "working")
    assert one.get(f"/api/jobs/{jobs[1]}").json()["state"] == "waiting"
    full = send(one, files / "photo.png")
    assert full.status_code == 503
    assert int(full.headers["retry-after"]) >= 1
    assert "too many files" in full.json()["error"]
    one.delete(f"/api/jobs/{jobs[0]}")  # stops the worker, too
    until(lambda: not one.worker.is_running())
    assert send(one, files / "photo.png").status_code == 200
    assert ended(one, jobs[1])["error"] is None


def test_a_model_that_is_none_is_told_at_once(tmp_path):
    pool = Pool(str(tmp_path), LIMITS, 2)
    with pytest.raises(DataError, match="no detector here"):
        pool.start()
    pool.close()


def test_results_are_forgotten(model, files):
    with serving(model, LIMITS.model_copy(update={"keep": 0.3})) as client:
        job = send(client, files / "nobody.png", "/api/jobs").json()["id"]
        until(lambda: client.get(f"/api/jobs/{job}").status_code == 404)
