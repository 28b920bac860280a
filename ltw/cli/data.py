"""Commands `ltw synth`, `ltw extract` and `ltw store`: corpora and stores of faces."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from ltw.cli.choices import one_of
from ltw.cli.output import end, list_failures, names, output
from ltw.cli.reading import Debug, MaxAspect, MaxMegapixels, MaxVideoMegapixels, show_tracebacks
from ltw.data.readers import READERS
from ltw.files import sweep
from ltw.media.limits import LIMITS, Limits
from ltw.parallel import ENGINES
from ltw.synth import QUALITIES


def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the corpus.")],
    faces: Annotated[
        Path | None,
        typer.Option(
            help="Folder of portraits to animate: one file or one sub-folder a person. "
            "Default: rendered people."
        ),
    ] = None,
    people: Annotated[
        int | None, typer.Option(help="How many; default: 24 rendered, or all of FACES.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames of every video.")] = 16,
    compression: Annotated[
        str, typer.Option(help="Comma-separated: raw, c23, c40 (x264's rate factors).")
    ] = "c23",
    forgeries: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated names; default: the four standard ones, and the learned twin and "
            "latent_swap with an autoencoder."
        ),
    ] = None,
    autoencoder: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a tiny autoencoder (encoder.safetensors, decoder.safetensors) for the "
            "learned forgeries; none comes with the package."
        ),
    ] = None,
    quality: Annotated[
        str,
        typer.Option(
            **one_of(QUALITIES, "Forgeries as strong as they come, or from visible to hardly")
        ),
    ] = "fixed",
    failures: Annotated[
        float, typer.Option(metavar="SHARE", help="Forged videos that fail as real ones do.")
    ] = 0.0,
    bad_detections: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Frames, real and forged, whose face is hardly one."),
    ] = 0.0,
    test_share: Annotated[
        float, typer.Option(metavar="SHARE", help="People in the test split; 14% are in val.")
    ] = 0.14,
    size: Annotated[int, typer.Option(help="Side of a frame in pixels.")] = 320,
    seed: Annotated[int, typer.Option(help="Other people, other takes.")] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes; default: all cores.")] = None,
) -> None:
    """Make a corpus of real and forged videos in the FaceForensics++ folder shape.

    Every video comes with its manipulation-mask video, and the corpus with its split lists by
    person. `ltw extract faceforensics OUT` reads it. Where quality varies or something fails,
    truths.csv tells of every frame, and the store's columns quality and failure tell it on.

    Example: `ltw synth corpus --faces portraits --compression c23,c40`
    """
    from ltw.synth.corpus import make_corpus

    source = None
    if autoencoder is not None:
        from ltw.models.taef import autoencoder_digest, load_autoencoder
        from ltw.synth.learned import Source

        load_autoencoder(autoencoder)  # here, so that what is wrong with it is told at once
        source = Source(
            autoencoder_digest(autoencoder), partial(load_autoencoder, autoencoder.resolve())
        )
    sweep(out, below=True)
    summary = make_corpus(
        out,
        faces=faces,
        people=people,
        frames=frames,
        compressions=names(compression),
        forgeries=None if forgeries is None else names(forgeries),
        size=size,
        seed=seed,
        quality=quality,
        failures=failures,
        bad_detections=bad_detections,
        autoencoder=source,
        test_share=test_share,
        workers=workers,
    )
    output.print(
        f"{summary.root}: people: {summary.people}; videos: {summary.real} real, "
        + ", ".join(f"{n} {name}" for name, n in summary.fake.items()),
        soft_wrap=True,
    )
    end(dict(summary.skips), "people left out")


def extract(
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", **one_of(READERS, "How ROOT is laid out"))
    ],
    root: Annotated[Path, typer.Argument(help="The data set's folder.")],
    store: Annotated[Path, typer.Option(help="Folder of faces to write, or to add to.")],
    frames: Annotated[int, typer.Option(help="Evenly spaced frames of every video.")] = 10,
    margin: Annotated[
        int | None,
        typer.Option(
            help="Pixels of a crop that are margin; default: 16, none for faces that came cropped."
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of a crop in pixels.")] = 224,
    compression: Annotated[
        str, typer.Option(help="Comma-separated levels to take; default: all there are.")
    ] = "",
    name: Annotated[
        str | None, typer.Option(help="Name of the data set in the records; default: the reader's.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: all cores.")] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Give a video up after this long.")
    ] = 600,
    engine: Annotated[
        str,
        typer.Option(
            metavar="ENGINE", **one_of(ENGINES, "This machine, or the Ray cluster at RAY_ADDRESS")
        ),
    ] = "local",
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Do one of N parts, for batch schedulers; merge nothing."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again videos that failed before.")
    ] = False,
    max_megapixels: MaxMegapixels = LIMITS.picture_megapixels,
    max_video_megapixels: MaxVideoMegapixels = LIMITS.frame_megapixels,
    max_aspect: MaxAspect = LIMITS.aspect,
    debug: Debug = False,
) -> None:
    """Find the faces in videos and put them into a store.

    One person a video is followed: the largest face at first, or whom a mask shows to be altered.
    Videos without a face, those that cannot be decoded and whatever else lies there unread are
    listed with the reason. A second call goes on where the first stopped, and another data set can
    be added to the same store.

    Example: `ltw extract faceforensics FaceForensics --compression c23 --store faces`
    """
    from ltw.data.extract import extract as extract_clips
    from ltw.data.readers import unread
    from ltw.data.store import VIDEOS
    from ltw.parallel import Shard

    part = None if shard is None else Shard.parse(shard)
    options: dict[str, Any] = {} if name is None else {"dataset": name}
    show_tracebacks(debug)
    clips = READERS[dataset](root, compressions=names(compression), **options)
    left_out = unread(root)
    summary = extract_clips(
        clips,
        store,
        frames=frames,
        margin=margin,
        size=size,
        workers=workers,
        timeout=timeout,
        engine=engine,
        shard=part,
        retry_failed=retry_failed,
        limits=Limits(max_megapixels, max_video_megapixels, max_aspect),
    )
    output.print(
        f"{store}: videos: {summary.done} done, {summary.skipped} done before, "
        f"{len(summary.failures)} failed; frames: {summary.frames}; faces: {summary.faces}, "
        f"{summary.faces_per_second:.1f} a second",
        soft_wrap=True,
    )
    if part is not None:
        todo = f"videos left: {summary.left} of {len(clips)}" if summary.left else "all are done"
        output.print(
            f"shard {part} has ended; {todo}. When the other shards have ended, the same command "
            "without --shard does what is left and merges the store",
            soft_wrap=True,
        )
    all_in = str(store / VIDEOS) + (", once it is merged" if part else "")
    list_failures(summary.damaged, "videos with faces in the store, but", all_in)
    list_failures(left_out, "what lies there and is not read")
    end(summary.failures, "videos without a face in the store", all_in, more=len(left_out))


def store_info(
    path: Annotated[Path, typer.Argument(help="Folder of faces.")],
    as_json: Annotated[bool, typer.Option("--json", help="Counts as one JSON object.")] = False,
) -> None:
    """Count faces and videos by data set, domain, compression and split; failures by reason."""
    from ltw.data.store import Store
    from ltw.data.store_info import store_info as info

    counts = info(Store(path))
    if as_json:
        print(json.dumps(counts))
        return
    columns = ("dataset", "domain", "compression", "split", "people", "videos", "faces")
    domain = Column("domain", overflow="fold")
    table = Table("data set", domain, *columns[2:], box=SIMPLE, padding=(0, 1, 0, 0))
    output.print(str(path), soft_wrap=True)
    for row in counts["groups"]:
        table.add_row(*(str(row[column]) for column in columns))
    output.print(table)
    output.print(
        f"people: {counts['people']}; videos: {counts['videos']}, {counts['damaged']} of them "
        f"damaged, {counts['failed']} more failed; faces: {counts['faces']}",
        soft_wrap=True,
    )
    for reason, n in counts["failures"].items():
        output.print(f"  {n}: {reason}", soft_wrap=True)


def store_check(path: Annotated[Path, typer.Argument(help="Folder of faces.")]) -> None:
    """Look for damage, duplicates, people in two splits, fakes without reals; exit 1 if any.

    What is missing of a data set, by its official numbers and lists, is told as a note, and listed
    in missing.txt in the store.
    """
    from ltw.data.checks.missing_list import list_missing
    from ltw.data.checks.store_check import store_check as check
    from ltw.data.store import read_parameters

    read_parameters(path)  # a folder that is no store is bad input, not a problem found
    found = check(path)
    for problem in found.problems:
        output.print(f"- {problem}", soft_wrap=True)
    folded = [list_missing(found.missing, path)] if found.missing else []
    for note in [*folded, *found.other_notes]:
        output.print(f"note: {note}", soft_wrap=True)
    result = f"problems: {len(found.problems)}" if found.problems else "sound"
    output.print(f"{path}: {result}", soft_wrap=True)
    raise typer.Exit(1 if found.problems else 0)


def store_sheet(
    path: Annotated[Path, typer.Argument(help="Folder of faces.")],
    out: Annotated[Path | None, typer.Option(help="PNG; default: sheet.png in the store.")] = None,
) -> None:
    """Write a contact sheet: a row of faces for every domain."""
    from PIL import Image

    from ltw.data.contact_sheet import contact_sheet
    from ltw.data.store import Store

    out = out or path / "sheet.png"
    sheet = contact_sheet(Store(path))
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(out, "PNG")
    output.print(str(out), soft_wrap=True)
