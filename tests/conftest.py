"""What all tests share: one thread, and a small store with a run of each method trained on it."""

import os
import signal

# Before PyTorch is imported: workers of `make test` share the cores, and no GPU.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest
import torch
from toy_store import FORGERIES, toy_store

from ltw.config import Config, DetectorConfig, TrainingConfig
from ltw.engine.evaluate_run import evaluate_run
from ltw.engine.train import train
from ltw.progress import show_log

torch.set_num_threads(1)
show_log()  # what the library logs is seen on standard error, as in the command line
# A shell that runs the tests in the background makes them, and what they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    """Leave soak tests out unless they are asked for, whatever else is chosen by a mark."""
    if "soak" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def store_path(tmp_path_factory):
    """A finished store that no test changes: four forgeries, 13 people, faces of 32 pixels."""
    return toy_store(tmp_path_factory.mktemp("toy") / "store")


@pytest.fixture(scope="session")
def make_config(store_path):
    """``make_config(method="ltw", seed=0, epochs=2, ...)``: a run of a few steps on the store."""

    def make(method="alltrain", *, sources=FORGERIES[:3], target=FORGERIES[3], seed=0, **training):
        chosen = {
            "epochs": 2,
            "steps_per_epoch": 2,
            "batch_size": 6,
            "workers": 0,
            "threads": 1,
            "device": "cpu",
            "checkpoint_minutes": 60,
        }
        return Config(
            store=store_path,
            sources=sources,
            target=target,
            method=method,
            seed=seed,
            detector=DetectorConfig(backbone="test_efficientnet", pretrained=False, image_size=32),
            training=TrainingConfig(**(chosen | training)),
        )

    return make


@pytest.fixture(scope="session")
def trained(make_config, store_path, tmp_path_factory):
    """Finished and evaluated runs of both methods, never changed by a test: ``{method: path}``."""
    root = tmp_path_factory.mktemp("trained")
    for method in ("alltrain", "ltw"):
        train(make_config(method), root / method)
        evaluate_run(root / method, [store_path])
    return {method: root / method for method in ("alltrain", "ltw")}
