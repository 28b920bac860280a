"""Commands that train detectors: demo, train."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ltw.cli.output import output


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Other people, other networks.")] = 0,
) -> None:
    """The whole path on rendered people, offline, in minutes.

    Renders people, forges them in four ways, finds the faces, trains ERM and LTW on three of the
    forgeries, tests on the fourth, and writes results.json and report.html into OUT. A second call
    goes on where the first was cut off.
    """
    from ltw.demo import run_demo

    results = run_demo(out, seed)
    output.print(_results_table(results))
    output.print(f"report: {out / 'report.html'}", soft_wrap=True)


def train(
    config: Annotated[
        Path, typer.Argument(help="Experiment file (TOML); with --resume, a run's folder will do.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key, as in `training.epochs=3`; repeatable."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: runs/NAME-METHOD-SEED.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut off: `--resume RUN`.")
    ] = False,
) -> None:
    """Train a detector as an experiment file says.

    The best checkpoint is chosen on validation faces of the source domains; the target is never
    read. `tensorboard --logdir RUN` shows the curves.

    Example: `ltw train configs/demo.toml --set method=alltrain --run runs/erm`, and where that was
    cut off, `ltw train --resume runs/erm`
    """
    from ltw.config import load_config
    from ltw.engine.run_folder import RunFolder
    from ltw.engine.train import train as train_run

    if resume and config.is_dir():
        if run is not None:
            raise typer.BadParameter(f"--resume {config} is the run already; leave --run out")
        run, config = config, RunFolder(config).config_path
    loaded = load_config(config, set_ or [])
    run = run or Path("runs") / f"{config.stem}-{loaded.method}-{loaded.seed}"
    train_run(loaded, run, resume=resume)
    output.print(
        f"{run}: detector/ holds the best detector; test it: "
        f"ltw evaluate {run} --store {loaded.store}",
        soft_wrap=True,
    )


def _results_table(results: Mapping[str, Any]) -> Table:
    from ltw.labels import with_interval

    table = Table("method", "domain", "frame AUC", "video AUC", title="AUC with 95% intervals")
    for method, values in results["methods"].items():
        for name, measured in values["domains"].items():
            unseen = " (unseen)" if name == results["target"] else ""
            cells = (with_interval(**measured[level]["auc"]) for level in ("frame", "video"))
            table.add_row(method, f"{name}{unseen}", *cells)
    return table
