"""Command `ltw export`: a released folder or an ONNX file of a run's detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltw.cli.output import output
from ltw.progress import console

if TYPE_CHECKING:
    from ltw.engine.export import Exported


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="FILE.onnx, or a folder for a released detector.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="ONNX with 8-bit integers; what that costs is printed.")
    ] = False,
    store: Annotated[
        Path | None,
        typer.Option(help="Faces to check the ONNX file on; default: the run's own store."),
    ] = None,
) -> None:
    """Ship a run's detector: a folder with a model card, or an ONNX file.

    The folder can be uploaded to the Hugging Face Hub as it is, once you have chosen a licence.
    An ONNX file is compared with PyTorch on 200 faces, and not written if they differ. It needs
    the extra: `pip install 'ltw[export]'`. `ltw predict --model` takes both.

    Example: `ltw export runs/gid-df23-ltw-0 --to detector.onnx`
    """
    from ltw.engine.export import write_file, write_folder

    if to.suffix.lower() == ".onnx":
        exported = write_file(run, to, store=store, int8=int8)
        _report(to, exported)
        return
    if int8 or store is not None:
        raise typer.BadParameter("--int8 and --store go with an ONNX file: --to FILE.onnx")
    measured = write_folder(run, to)
    output.print(f"{to}: a released detector; choose a licence in {to / 'README.md'}")
    if not measured:
        console.print(f"[yellow]its card has no figures:[/] {run} was not evaluated")


def _report(to: Path, exported: Exported) -> None:
    from ltw.engine.export import POOR

    agreement, int8 = exported.agreement, exported.int8
    output.print(
        f"{to}: as PyTorch on {agreement.faces} {exported.faces}, to {agreement.logit:.1e} in "
        f"logits and {agreement.probability:.1e} in probabilities",
        soft_wrap=True,
    )
    if int8 is None:
        return
    output.print(
        f"int8: AUC {int8.auc:.4f} against {int8.auc_float:.4f} in floating point on {int8.faces} "
        f"validation faces, a loss of {int8.loss:.4f}",
        soft_wrap=True,
    )
    if int8.loss > POOR:
        console.print(f"[bold red]int8 costs more than {POOR} AUC:[/] think before you ship it")
