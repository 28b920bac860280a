"""The experiment files in configs/: one for every row of the paper's tables, made from the suites.

    python -m ltw.report.experiment_files configs

writes them anew; a test holds that the committed files are these.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from ltw.bench.plan import variant_config
from ltw.bench.suites import PAPER_TABLES, Suite, Variant
from ltw.config import Config, set_key
from ltw.engine.schema import Benchmark
from ltw.engine.settings import run_settings
from ltw.files import write_text
from ltw.labels import METRIC_NAMES
from ltw.methods import METHODS
from ltw.results.published import PAPER, published

STORE = Path("../../faces/ff")
"""Where a file looks for the faces of FaceForensics++, relative to itself."""

TRAINING_FAKES = 720 * 10
"""Training fakes of a forgery: videos of the official split, times frames of a video."""

STEP_SECONDS = {"alltrain": 1.48, "ltw": 4.63}
"""One step on 2 CPU cores, EfficientNet-B0, 224 px, batches of 25 (docs/benchmarks.md)."""

LEFT_OUT = ("training.checkpoint_minutes",)


def experiments() -> Iterator[tuple[Path, str]]:
    """Yield the path below configs/ and the text of every file."""
    for suite in PAPER_TABLES:
        for benchmark in suite.benchmarks:
            for variant in suite.variants:
                words = [benchmark.name.lower(), variant.method, *filter(None, [variant.name])]
                path = Path(suite.name, "-".join(words).replace("=", "-") + ".toml")
                config = variant_config(suite, benchmark, variant, STORE)
                head = _head(suite, benchmark, variant, config, path)
                yield path, "".join(f"# {line}".rstrip() + "\n" for line in head) + _body(config)


def _head(
    suite: Suite, benchmark: Benchmark, variant: Variant, config: Config, path: Path
) -> Iterator[str]:
    extract, stores = "ltw extract faceforensics FaceForensics", "--store faces/ff"
    yield f"{suite.title}. {benchmark.name}, {variant}."
    yield f"Paper:     {PAPER}"
    yield from _expected(suite, benchmark, config)
    yield f"First:     {extract} --compression {benchmark.compression} {stores}"
    if "Celeb-DF" in benchmark.targets:
        yield "           ltw extract celeb-df Celeb-DF-v2 --store faces/celeb"
        yield "           ltw extract dfdc DFDC --store faces/dfdc"
        stores += " --store faces/celeb --store faces/dfdc"
    run = f"runs/{path.with_suffix('').as_posix()}"
    yield f"Command:   ltw train configs/{path.as_posix()} --run {run}"
    yield f"           ltw evaluate {run} {stores} \\"
    yield f"               {' '.join(f'--domain {target}' for target in benchmark.targets)}"
    yield f"All rows:  ltw bench run {suite.name} {stores} --out results --seeds 3"
    yield f"Cost:      {_cost(config)}"
    if variant.method != "basemodel":
        yield "The paper does not say for how many epochs it trained: 10 is our choice."
    yield "Made by `python -m ltw.report.experiment_files configs`; change it there."


def _expected(suite: Suite, benchmark: Benchmark, config: Config) -> Iterator[str]:
    """Yield what the paper has for the row, a line a target."""
    place = (suite.name.removeprefix("table"), config.method, config.detector.backbone)
    rows: dict[str, list[str]] = {}
    for figure, value in published().items():
        if figure[:4] == (*place, benchmark.name):
            rows.setdefault(figure.target, []).append(f"{METRIC_NAMES[figure.metric]} {value:g}")
    for n, (target, values) in enumerate(rows.items()):
        yield f"{'' if n else 'Published:':10} {target}: {', '.join(values)} (frames)"
    if not rows:
        yield "Published: as a curve only, without numbers; the values swept are ours"


def _cost(config: Config) -> str:
    seconds = STEP_SECONDS.get(config.method)
    if seconds is None or config.detector.backbone != "efficientnet_b0":
        return "not measured here"
    fakes = (config.training.batch_size + 1) // 2
    steps = config.training.epochs * -(-TRAINING_FAKES * len(config.sources) // fakes)
    return (
        f"about {steps:,} steps; one took {seconds} s on 2 CPU cores, so "
        f"{steps * seconds / 3600:.0f} hours there; not run on the data set, nor on a GPU"
    )


def _body(config: Config) -> str:
    """Return the settings that the method reads as TOML, defaults written out."""
    sections = ("detector", METHODS[config.method].section, "training")
    settings = run_settings(config).items()
    known = {key: v for key, v in settings if v is not None and key not in LEFT_OUT}
    values: dict[str, Any] = {"store": config.store.as_posix()}
    for section in ("", *filter(None, sections)):
        for key, value in known.items():
            if (key.split(".")[0] if "." in key else "") == section:
                set_key(values, key, value)
    return tomli_w.dumps(values)


def write_experiments(folder: Path) -> None:
    """Write every file below ``folder``."""
    for path, text in experiments():
        write_text(folder / path, text)


if __name__ == "__main__":
    write_experiments(Path(sys.argv[1]))
