"""Commands that draw what a suite's runs found: bench figures, bench robustness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ltw.cli.output import end, list_failures, names, output


def figures(
    runs: Annotated[Path, typer.Argument(help="Folder of a suite: --out of `ltw bench run`.")],
    out: Annotated[Path, typer.Option(help="Folder for the figures and their page.")],
) -> None:
    """Draw every figure the finished runs hold data for: PNG, PDF, and one page with all of them.

    ROC and DET of every target, sweeps, learned weights by domain, galleries of weighted faces,
    and robustness where it was measured. What is left out is listed with its reason.

    Example: `ltw bench figures results --out figures`
    """
    from ltw.report.page import write_suite_page

    files, left_out = write_suite_page(runs, out)
    output.print(f"{files[0]}: {len(files) // 2} figures", soft_wrap=True)
    list_failures(left_out, "left out")


def robustness(
    runs: Annotated[Path, typer.Argument(help="Folder of a suite, or of one run.")],
    store: Annotated[list[Path], typer.Option(help="Folder of test faces; repeatable.")],
    methods: Annotated[
        str | None, typer.Option(help="Comma-separated; default: all there are.")
    ] = None,
) -> None:
    """Score the test faces again under JPEG, blur, noise, downscaling and loss of contrast.

    Each at five strengths, at evaluation only. Writes robustness.csv into every finished run; a
    call that was cut off goes on with the condition it was at.

    Example: `ltw bench robustness results --store faces/ff --methods alltrain,ltw`
    """
    from ltw.data.store import Store
    from ltw.engine.run_folder import find_runs
    from ltw.errors import LTWError
    from ltw.results.robustness import measure_robustness

    stores = [Store(path) for path in store]
    failures: dict[str, str] = {}
    for run in find_runs(runs, None if methods is None else list(names(methods))):
        try:
            measure_robustness(run, stores)
        except LTWError as error:
            failures[run.name] = str(error)
        else:
            output.print(str(run.robustness_path), soft_wrap=True)
    end(failures, "runs that could not be measured")
