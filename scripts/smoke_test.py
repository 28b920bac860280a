"""Every stage once, as small as it goes: python scripts/smoke_test.py FOLDER

Imports every module, renders and forges people, finds their faces (also on a local Ray cluster),
trains LTW for two steps, measures it, scores a video, exports it to a folder and to ONNX, scores
with both, and asks the service. Meant for environments other than the developers' own, so it needs
nothing beyond what users install. About a minute on one core.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import pkgutil
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import ltw

COMPRESSION = "c23"
TARGET = "learned_swap"
SOURCES = ("graphics_swap", "expression_transfer")


def main() -> None:
    """Run every stage in a folder that is made anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    import_everything()
    corpus, store, run = folder / "corpus", folder / "store", folder / "run"
    make_store(corpus, store)
    train_and_measure(folder, store, run)
    video = next((corpus / "manipulated_sequences" / TARGET).rglob("*.mp4"))
    scores = score_with_every_form(folder, store, run, video)
    assert max(scores) - min(scores) < 1e-3, f"one detector, several scores: {scores}"
    print(f"smoke test passed: P(fake) of {video.name} is {scores[0]:.4f} in every form")


def import_everything() -> None:
    """Import every module but the one that runs the command line."""
    for module in pkgutil.walk_packages(ltw.__path__, "ltw."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def make_store(corpus: Path, store: Path) -> None:
    """Render and forge six people; find their faces here, and once more on a Ray cluster."""
    run_ltw("synth", corpus, "--people", 6, "--frames", 4, "--size", 256, "--workers", 1)
    options = ("--frames", 2, "--size", 64, "--workers", 1)
    run_ltw("extract", "faceforensics", corpus, "--store", store, *options)
    on_ray = store.with_name("store-ray")
    run_ltw("extract", "faceforensics", corpus, "--store", on_ray, *options, "--engine", "ray")
    here, there = (json.loads(run_ltw("store", "info", s, "--json")) for s in (store, on_ray))
    assert here["faces"] == there["faces"] > 0
    run_ltw("store", "sheet", store)


def train_and_measure(folder: Path, store: Path, run: Path) -> None:
    """Train LTW for two steps and measure it on every forgery."""
    experiment = folder / "experiment.toml"
    experiment.write_text(
        f"store = {json.dumps(str(store))}\nsources = {json.dumps(SOURCES)}\n"
        f'target = "{TARGET}"\nmethod = "ltw"\n'
        '[detector]\nbackbone = "tf_efficientnet_lite0"\nimage_size = 64\n'
        "[training]\nepochs = 1\nsteps_per_epoch = 2\nbatch_size = 4\nworkers = 1\n"
        'device = "cpu"\n'
    )
    run_ltw("train", experiment, "--run", run)
    run_ltw("evaluate", run, "--store", store)
    assert set(json.loads((run / "metrics.json").read_text())["domains"]) > {TARGET}


def score_with_every_form(folder: Path, store: Path, run: Path, video: Path) -> list[float]:
    """Return P(fake) of a video by the run, its released folder, its ONNX file and the service."""
    onnx, released = folder / "detector.onnx", folder / "released"
    run_ltw("export", run, "--to", released)
    run_ltw("export", run, "--to", onnx, "--store", store)
    run_ltw("predict", video, "--model", run, "--html", folder / "report.html")
    lines = [run_ltw("predict", video, "--model", m, "--json") for m in (run, released, onnx)]
    with service(released) as address:
        lines.append(upload(f"{address}/api/predict", video))
    return [json.loads(line)["p_fake"] for line in lines]


@contextlib.contextmanager
def service(model: Path) -> Iterator[str]:
    """Serve the model on a free port; yield its address."""
    command = ltw_command("serve", "--model", model, "--port", 0, "--workers", 1)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = []
        while not (said and "http://" in said[-1]):
            said.append(process.stderr.readline())
            assert said[-1], f"the service ended: {said}"
        yield said[-1].split(" at ")[1].split()[0]
    finally:
        process.terminate()
        process.communicate()


def upload(address: str, file: Path) -> str:
    """Post a file as a browser's form does; return the answer."""
    edge = "--edge-of-the-form"
    head = f'Content-Disposition: form-data; name="file"; filename="{file.name}"'
    body = f"--{edge}\r\n{head}\r\n\r\n".encode() + file.read_bytes()
    request = urllib.request.Request(
        address,
        data=body + f"\r\n--{edge}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={edge}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def run_ltw(*words: object) -> str:
    """Run a command of this environment's ltw; return its standard output."""
    print("ltw", *words, flush=True)
    return subprocess.run(ltw_command(*words), check=True, stdout=subprocess.PIPE, text=True).stdout


def ltw_command(*words: object) -> list[str]:
    """Return the command line that runs ``ltw``."""
    return [sys.executable, "-P", "-m", "ltw", *map(str, words)]


if __name__ == "__main__":
    main()
