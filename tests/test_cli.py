"""The command line: exit codes, one message a mistake, results alone on standard output."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
import torch
import typer.main
from PIL import Image
from toy_store import FORGERIES, toy_store

import ltw as package
from ltw import cli, faces
from ltw.data import extract
from ltw.data.readers import READERS
from ltw.data.store_writer import Parameters, begin
from ltw.faces import Detection
from ltw.media.video import write_video
from ltw.parallel import ENGINES


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def ltw(monkeypatch, capsys):
    """``ltw("store", "info", path)``: the command's outcome, run in this process."""

    def call(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["ltw", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return call


def ltw_process(*arguments, **options):
    command = [sys.executable, "-m", "ltw", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def refused(outcome, *phrases):
    """Exit code 2, nothing on standard output, one message with these phrases, no traceback."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("error:") == 1
    assert "Traceback" not in outcome.err
    message = outcome.err[outcome.err.index("error:") :]
    missing = [phrase for phrase in phrases if phrase not in message]
    assert not missing, message
    return message


@pytest.fixture
def experiment(make_config, tmp_path):
    """An experiment file on the small store."""
    path = tmp_path / "experiment.toml"
    path.write_text(make_config("ltw").to_toml())
    return path


# Mistakes


def empty(path):
    path.mkdir()


def file(path):
    path.write_text("a file")


@pytest.mark.parametrize(
    ("make", "phrases"),
    [
        (lambda path: None, ("does not exist", "real/...")),
        (empty, ("is empty", "real/...")),
        (file, ("is not a folder", "real/...")),
    ],
)
def test_extract_from_no_folder(ltw, tmp_path, make, phrases):
    make(tmp_path / "videos")
    outcome = ltw("extract", "folder", tmp_path / "videos", "--store", tmp_path / "store")
    refused(outcome, str(tmp_path / "videos"), *phrases)
    assert not (tmp_path / "store").exists()


def test_extract_of_another_layout(ltw, tmp_path):
    (tmp_path / "videos").mkdir()
    file(tmp_path / "videos/a.mp4")
    outcome = ltw("extract", "faceforensics", tmp_path / "videos", "--store", tmp_path / "store")
    refused(outcome, "original_sequences/youtube")


def test_extract_into_something_else(ltw, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    write_video(videos / "a.mp4", [np.zeros((64, 64, 3), np.uint8)])
    refused(ltw("extract", "folder", videos, "--store", videos), "neither a store nor an empty")


def test_a_data_set_without_a_reader(ltw, tmp_path):
    outcome = ltw("extract", "faceforensic", tmp_path, "--store", tmp_path / "s")
    assert (outcome.code, outcome.out) == (2, "")
    assert "did you mean 'faceforensics'?" in " ".join(outcome.err.replace("│", "").split())


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        (["--people", 7], ("people: 7", "even number from 6")),
        (["--seed", -1], ("seed: -1",)),
        (["--frames", 0], ("frames: 0",)),
        (["--workers", 0], ("workers: 0",)),
        (["--forgeries", "learned_swop"], ("did you mean 'learned_swap'?",)),
        (["--compression", "c2"], ("did you mean 'c23'?",)),
        (["--faces", "nowhere"], ("nowhere: no such folder of portraits",)),
        (["--failures", 2], ("failures: 2.0", "0 to 1")),
        (["--forgeries", "twin"], ("twin", "--autoencoder")),
        (["--autoencoder", "nowhere"], ("nowhere/encoder.safetensors: no such file",)),
    ],
)
def test_synth_refuses(ltw, tmp_path, arguments, phrases):
    refused(ltw("synth", tmp_path / "corpus", *arguments), *phrases)
    assert not (tmp_path / "corpus").exists()


def test_synth_with_portraits_that_show_nobody(ltw, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (7, 200, 200, 3), np.uint8)
    (tmp_path / "portraits").mkdir()
    for k, image in enumerate(noise):
        Image.fromarray(image).save(tmp_path / f"portraits/{k}.png")
    Image.fromarray(noise[0, :1, :1]).save(tmp_path / "portraits/tiny.png")
    outcome = ltw("synth", tmp_path / "corpus", "--faces", tmp_path / "portraits", "--workers", 1)
    refused(outcome, "no face")


@pytest.mark.parametrize(
    ("overrides", "phrases"),
    [
        (["trainnig.epochs=3"], ("'trainnig'", "did you mean 'training'?")),
        (["training.epoch=3"], ("'training.epoch'", "did you mean 'epochs'?")),
        (["training.epochs"], ("expected key=value",)),
        (["training.epochs=0"], ("training.epochs = 0",)),
        (["method=lwt"], ("'lwt'", "did you mean 'ltw'?")),
        (['sources=["stripes", "colums"]'], ("'colums'", "did you mean 'columns'?")),
        (['sources=["stripes"]'], ("at least two", "alltrain")),
        (['sources=["stripes", "bands"]'], ("'bands' is also a source",)),
        (["compression=c40"], ("'c40' is not in the store",)),
        (["detector.backbone=efficientnet_b00"], ("did you mean",)),
        (["training.device=gpu"], ("training.device = 'gpu'",)),
        (["store=nowhere"], ("nowhere: no store here", "ltw extract")),
        (["seed=-1"], ("seed = -1",)),
    ],
)
def test_train_refuses_and_leaves_no_run(ltw, experiment, tmp_path, overrides, phrases):
    arguments = [part for override in overrides for part in ("--set", override)]
    refused(ltw("train", experiment, "--run", tmp_path / "run", *arguments), *phrases)
    assert not (tmp_path / "run").exists()


def test_train_without_a_usable_experiment(ltw, experiment, tmp_path):
    refused(ltw("train", tmp_path / "none.toml"), "none.toml: no such experiment file")
    refused(ltw("train", tmp_path), "is a folder")
    experiment.write_text("method = ")
    refused(ltw("train", experiment), "not valid TOML")
    experiment.write_text('methd = "ltw"')
    message = refused(ltw("train", experiment), "unknown key 'methd'; did you mean 'method'?")
    assert "the key 'store' is missing" in message


def test_train_twice(ltw, experiment, trained):
    run = trained["ltw"]
    refused(ltw("train", experiment, "--run", run), "holds a run already; add --resume")
    refused(ltw("train", experiment, "--run", run, "--resume", "--set", "seed=1"), "of seed;")
    refused(ltw("train", experiment, "--run", run.parent / "no", "--resume"), "no run here")


def test_evaluate_refuses(ltw, trained, store_path, tmp_path):
    refused(ltw("evaluate", tmp_path, "--store", store_path), "no run here", "ltw train")
    run = trained["ltw"]
    refused(ltw("evaluate", run, "--store", tmp_path), "no store here", "ltw extract")
    outcome = ltw("evaluate", run, "--store", store_path, "--domain", "stripe")
    refused(outcome, f"'stripe' is not in {store_path}; did you mean 'stripes'?")
    unfinished = shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(unfinished / "detector")
    refused(ltw("evaluate", unfinished, "--store", store_path), "has not ended")


@pytest.mark.parametrize("command", ["info", "check", "sheet"])
def test_store_commands_on_no_store(ltw, tmp_path, command):
    refused(ltw("store", command, tmp_path / "nowhere"), "nowhere: no store here")
    file(tmp_path / "notes.txt")
    refused(ltw("store", command, tmp_path / "notes.txt"), "notes.txt: no store here")
    begin(tmp_path / "unfinished", Parameters())
    if command != "check":  # which reports it as a problem
        refused(ltw("store", command, tmp_path / "unfinished"), "has not ended")


@pytest.mark.parametrize(
    "command",
    [
        lambda path, experiment, store: ["synth", path / "x", "--people", 6, "--workers", 1],
        lambda path, experiment, store: ["train", experiment, "--run", path / "x"],
        lambda path, experiment, store: ["store", "sheet", store, "--out", path / "x.png"],
        lambda path, experiment, store: ["extract", "folder", path.parent, "--store", path / "x"],
    ],
)
def test_a_place_that_cannot_be_written(ltw, experiment, store_path, tmp_path, command):
    """A file where a folder should be; the same for a full disk or a folder of someone else."""
    write_video(tmp_path / "a.mp4", [np.zeros((64, 64, 3), np.uint8)])
    file(tmp_path / "notes.txt")
    outcome = ltw(*command(tmp_path / "notes.txt", experiment, store_path))
    refused(outcome, str(tmp_path / "notes.txt"))


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(["trian"], "train"), (["store", "chekc"], "check"), (["train", "x", "--resum"], "--resume")],
)
def test_misspelt_commands_and_options_name_the_nearest(ltw, arguments, suggestion):
    outcome = ltw(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert re.search(rf"(Did you mean|Possible options).*{suggestion}", outcome.err)


# Inputs of which some fail


@pytest.fixture
def squares_are_faces(monkeypatch):
    """Replace MTCNN by a detector of bright squares, and extract in this process."""

    def detect(image, min_size=0.0):
        bright = (image.min(axis=2) > 128).astype(np.uint8)
        boxes = cv2.connectedComponentsWithStats(bright)[2][1:, :4].tolist()
        landmarks = np.zeros((5, 2), np.float32)
        return [Detection((x, y, x + w, y + h), landmarks, 0.9) for x, y, w, h in boxes if w > 5]

    monkeypatch.setattr(faces, "detect_faces", detect)
    monkeypatch.setattr(
        extract, "map_unordered", lambda work, items, **_: enumerate(map(work, items))
    )


def frames(n, side):
    image = np.zeros((96, 96, 3), np.uint8)
    image[20 : 20 + side, 20 : 20 + side] = 230
    return [image] * n


def test_extract_lists_what_failed_and_keeps_the_rest(ltw, tmp_path, squares_are_faces):
    videos, store = tmp_path / "my videos [1]", tmp_path / "faces [red] :smile: é"
    write_video(videos / "real/good.mp4", frames(12, 40))
    write_video(videos / "real/one-frame.mp4", frames(1, 48))
    write_video(videos / "real/faceless.mp4", frames(3, 0))
    whole = (videos / "real/good.mp4").read_bytes()
    (videos / "real/cut.mp4").write_bytes(whole[: len(whole) // 2])
    (videos / "real/text.mp4").write_text("not a video")
    (videos / "real/empty.mp4").touch()
    Image.new("RGB", (1, 1)).save(videos / "real/dot.png")
    arguments = ("extract", "folder", videos, "--store", store, "--frames", 4, "--workers", 1)
    first = ltw(*arguments)
    assert first.code == 1
    assert first.out.startswith(
        f"{store}: videos: 2 done, 0 done before, 5 failed; frames: 5; faces: 5, "
    )
    for name, reason in {
        "faceless": "no face found",
        "cut": "cannot be decoded",
        "text": "cannot be decoded",
        "empty": "is empty",
        "dot": "no face found",
    }.items():
        assert re.search(rf"real/unknown/{name}: .*{reason}", first.err), first.err
    assert "Traceback" not in first.err

    again = ltw(*arguments)
    assert again.code == 1
    assert again.out.startswith(
        f"{store}: videos: 0 done, 2 done before, 5 failed; frames: 0; faces: 0, "
    )

    counts = json.loads(ltw("store", "info", store, "--json").out)
    assert (counts["faces"], counts["videos"], counts["failed"]) == (5, 2, 5)
    check = ltw("store", "check", store)
    assert check.code == 0
    assert re.search(r"note: 5 of 7 videos .*faceless \(no face found\)", check.out)
    assert check.out.endswith(f"{store}: sound\n")
    assert ltw("store", "sheet", store).out == f"{store / 'sheet.png'}\n"
    assert Image.open(store / "sheet.png").format == "PNG"


def test_extract_where_nothing_holds_a_face(ltw, tmp_path):
    """With the real detector: a store without faces, and exit code 1."""
    noise = np.random.default_rng(0).integers(0, 255, (120, 120, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "portrait.png")
    outcome = ltw("extract", "folder", tmp_path, "--store", tmp_path / "s", "--workers", 1)
    assert outcome.code == 1
    assert "videos: 0 done, 0 done before, 1 failed; frames: 0; faces: 0, " in outcome.out
    assert "portrait: no face found" in outcome.err


# Results


def test_store_info_prints_one_json_object_and_nothing_else(store_path):
    outcome = ltw_process("store", "info", store_path, "--json")
    assert outcome.returncode == 0
    assert outcome.stdout.count("\n") == 1
    assert json.loads(outcome.stdout)["faces"] == 13 * 5 * 3
    assert outcome.stderr == ""


def test_store_info_is_a_table(ltw, store_path):
    outcome = ltw("store", "info", store_path)
    assert outcome.code == 0
    rows = [re.findall(r"[^\s│┃]+", line) for line in outcome.out.splitlines()]
    assert ["toy", "stripes", "c23", "train", "6", "6", "18"] in rows
    assert "people: 13; videos: 65, 0 of them damaged, 0 more failed; faces: 195" in outcome.out


def test_store_info_and_check_tell_of_failures_without_calling_them_problems(ltw, tmp_path):
    store = toy_store(tmp_path / "store")
    videos = pd.read_parquet(store / "videos.parquet")
    videos.loc[0, ["status", "reason"]] = "failed", "no face found"
    videos.to_parquet(store / "videos.parquet")
    outcome = ltw("store", "info", store)
    assert outcome.out.endswith("1 more failed; faces: 195\n  1: no face found\n")
    outcome = ltw("store", "check", store)
    assert outcome.code == 0
    assert "note: 1 of 65 videos of toy gave no face: " in outcome.out


def test_store_check_tells_damage_by_its_exit_code(ltw, store_path, tmp_path):
    assert ltw("store", "check", store_path).code == 0
    broken = shutil.copytree(store_path, tmp_path / "broken [x]")
    shard = next((broken / "faces").glob("*.arrow"))
    data = bytearray(shard.read_bytes())
    at = data.index(b"WEBP") + 30
    data[at] ^= 0xFF
    shard.write_bytes(data)
    outcome = ltw("store", "check", broken)
    assert outcome.code == 1
    assert "damaged faces (1): " in outcome.out
    assert outcome.out.endswith(f"{broken}: problems: 1\n")
    begin(tmp_path / "unfinished", Parameters())
    outcome = ltw("store", "check", tmp_path / "unfinished")
    assert outcome.code == 1
    assert "has not ended" in outcome.out


def test_train_then_evaluate(ltw, experiment, store_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = ltw("train", experiment, "--set", "method=alltrain", "--set", "training.epochs=1")
    assert outcome.code == 0, outcome
    run = "runs/experiment-alltrain-0"
    assert f"ltw evaluate {run} --store {store_path}" in outcome.out.replace("\n", " ")
    outcome = ltw("evaluate", run, "--store", store_path, "--domain", FORGERIES[3])
    assert outcome.code == 0
    metrics = json.loads((tmp_path / run / "metrics.json").read_text())["domains"]
    assert metrics.keys() == {FORGERIES[3]}
    assert f"{metrics[FORGERIES[3]]['frame']['auc']['value']:.3f}" in outcome.out
    assert set(pd.read_parquet(f"{run}/predictions.parquet")["domain"]) == {"real", FORGERIES[3]}
    assert ltw("train", experiment, "--set", "method=alltrain", "--set", "training.epochs=1",
               "--resume").code == 0  # fmt: skip


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    outcome = ltw_process("store", "info", tmp_path)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_training_says_how_to_go_on_and_resumes(experiment, tmp_path, number, code):
    command = [sys.executable, "-m", "ltw", "train", str(experiment), "--run"]
    command += [str(tmp_path / "run"), "--set", "training.steps_per_epoch=40"]
    command += ["--set", "training.workers=1", "--set", "training.epochs=1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    log = tmp_path / "run/metrics.jsonl"
    while not (log.exists() and log.read_text().count("\n") > 3):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert "stopped in epoch 1 of 1" in err
    resume = ["--resume", str(tmp_path / "run")]
    assert f"`ltw train {' '.join(resume)}` goes on" in err
    command = [*command[:4], *resume]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert log.read_text().count("\n") == 41


@pytest.mark.slow
def test_a_killed_reader_of_faces_is_one_message(experiment, tmp_path):
    command = [sys.executable, "-m", "ltw", "train", str(experiment), "--run"]
    command += [str(tmp_path / "run"), "--set", "training.steps_per_epoch=4000"]
    command += ["--set", "training.workers=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run/metrics.jsonl"
    while not (log.exists() and log.read_text().count("\n") > 3):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    readers = [child for child in psutil.Process(process.pid).children() if is_fork(child)]
    assert len(readers) == 1
    readers[0].kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" not in err
    assert "a process that reads faces died" in err
    assert "--resume goes on" in err


def is_fork(process):
    """Whether a child is a copy of its parent: the resource tracker is a program of its own."""
    return process.cmdline() == process.parent().cmdline()


# Help


def leaf_commands(group, *path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaf_commands(command, *path, name)
        else:
            yield [*path, name], command


@pytest.mark.parametrize(("name", "command"), list(leaf_commands(typer.main.get_command(cli.app))))
def test_help_explains_every_argument(ltw, name, command):
    unexplained = [p.name for p in command.params if p.name != "help" and not p.help]
    assert not unexplained
    outcome = ltw(*name, "--help")
    assert outcome.code == 0
    assert command.help.split()[0] in outcome.out


def test_without_arguments_the_commands_are_listed(ltw):
    outcome = ltw("--help")
    assert outcome.code == 0
    for name in ("demo", "synth", "extract", "store", "train", "evaluate"):
        assert re.search(rf"^\W*{name} ", outcome.out, re.MULTILINE)


def test_the_version_is_the_package_metadata_s(ltw):
    expected = version("ltw")
    assert package.__version__ == expected
    assert ltw("--version") == Outcome(0, f"ltw {expected}\n", "")
    assert ltw_process("--version").stdout == f"ltw {expected}\n"


@pytest.mark.parametrize("command", [[], ["extract"], ["store", "info"], ["bench", "run"]])
def test_h_is_help(ltw, command):
    short, long = ltw(*command, "-h"), ltw(*command, "--help")
    assert short == long
    assert short.code == 0
    assert "Usage:" in short.out


def test_names_of_readers_and_engines_are_those_that_there_are(ltw, tmp_path):
    shown = " ".join(ltw("extract", "--help").out.replace("│", " ").split())
    assert f"How ROOT is laid out: {', '.join(READERS)}." in shown
    assert f": {', '.join(ENGINES)}." in shown
    for reader in READERS:
        assert callable(READERS[reader]), reader
        refused(ltw("extract", reader, tmp_path / "none", "--store", tmp_path / "s"), "none")
    wrong = ltw("extract", "faceforensic", tmp_path, "--store", tmp_path / "s")
    assert wrong.code == 2
    assert "did you mean" in wrong.err
    wrong = ltw("extract", "folder", tmp_path, "--store", tmp_path / "s", "--engine", "rya")
    assert wrong.code == 2
    assert "did you mean 'ray'" in " ".join(wrong.err.replace("│", " ").split())


def test_doctor_says_what_a_bug_report_needs(ltw):
    outcome = ltw("doctor")
    assert outcome.code == 0
    for line in (
        rf"version +{re.escape(version('ltw'))}",
        rf"python +{platform.python_version()}",
        rf"torch +{re.escape(torch.__version__)}",
        r"video: h264 +decoded",
        r"picture: JPEG +decoded",
        r"Hugging Face Hub +/",
        rf"numpy +{re.escape(np.__version__)}",
    ):
        assert re.search(line, outcome.out), line


def test_evaluate_asks_for_a_run_or_scores(ltw, tmp_path):
    refused(ltw("evaluate"), "give a run and --store FACES, or --scores FILE.csv")
    refused(ltw("evaluate", tmp_path), "--store")
    refused(ltw("evaluate", tmp_path, "--scores", "a.csv"), "not both")
    refused(ltw("evaluate", "--scores", tmp_path / "absent.csv"), "absent.csv: no such file")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell):
    done = subprocess.run(
        [sys.executable, "-c", "from ltw.cli import app; app(prog_name='ltw')"],
        env=os.environ | {"_LTW_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
    )
    assert "_LTW_COMPLETE" in done.stdout, done.stderr
