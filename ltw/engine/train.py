"""The training loop: batches in, checkpoints, logs and a released detector out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import expit
from torch.optim.lr_scheduler import StepLR
from torch.utils.tensorboard import SummaryWriter

from ltw import metrics
from ltw.config import Config
from ltw.data.loader import load_batches, reader_deaths_told
from ltw.data.pairing import BatchRows, Pairing, epoch_batches, meta_split
from ltw.data.selection import ordered_by_name, source_faces
from ltw.data.store import Store
from ltw.engine.batch_norm import recompute_statistics
from ltw.engine.build import build_method, build_optimizer, choose_device
from ltw.engine.checkpoint import load_checkpoint, save_checkpoint
from ltw.engine.finite import FiniteGuard
from ltw.engine.notes import run_notes
from ltw.engine.release import describe_release, release_notes, selection_note
from ltw.engine.run_folder import RunFolder, log_line
from ltw.engine.scoring import score
from ltw.engine.weight_log import Sums, add_weights, weight_statistics, weight_table
from ltw.errors import ConfigError, LTWError, when_stopped
from ltw.files import atomic, write_text
from ltw.methods import Logs, Method
from ltw.progress import progress_bar
from ltw.types import Batch

logger = logging.getLogger(__name__)

GALLERY_FACES = 2000
BATCH_NORM_STEPS = 50
"""Batches at most that BatchNorm's statistics are recomputed over."""


@dataclass
class Progress:
    """How far a run is; saved with every checkpoint."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    best_auc: float = -math.inf
    best_epoch: int = 0
    weights: Sums = field(default_factory=dict)
    """What training faces weighed so far in this epoch."""


def train(config: Config, run: Path, *, resume: bool = False, locked: bool = False) -> Method:
    """Train as ``config`` says into the folder ``run`` and return the method that is released.

    The run holds config.toml, metrics.jsonl, TensorBoard events, checkpoints/last and best (by AUC
    on the validation faces of the sources; the target is never read), and the release, detector/,
    which is that of one of the two (``training.selection``).
    Killed at any moment, it goes on with ``resume`` and ends with the same weights. A first phase,
    where the method has one, is a run of its own inside this one. PyTorch's threads are as many as
    the run began with, whatever the machine has now. ``locked`` says that the caller holds the
    run's lock.

    Raises:
        ConfigError: ``run`` holds a run and ``resume`` is not set, or that run has another config,
            or there is nothing to resume.
        DataError: the store lacks what the config asks for; nothing is written then. Another
            process trains or tests the run.
        LTWError: a loss, gradient or weight is not finite, or a process that reads faces died.
    """
    folder = RunFolder(run)
    _require_place(folder, config, resume)
    if resume:
        config = _with_threads(config, folder.config.training.threads)
    config = _with_threads(config, torch.get_num_threads())
    torch.set_num_threads(config.training.threads or 1)
    trainer = _Trainer(config, folder)
    with nullcontext() if locked else folder.alone():
        _require_place(RunFolder(run), config, resume)  # another call may have begun one meanwhile
        folder.sweep()
        with nullcontext() if locked else when_stopped(trainer.stopped):
            if resume and folder.last_checkpoint.exists():
                trainer.restore()
            else:
                trainer.begin()
                trainer.first_phase()
            trainer.fit()
            return trainer.release()


def _require_place(folder: RunFolder, config: Config, resume: bool) -> None:
    if resume:
        folder.require_config(config)
    elif folder.exists:
        raise ConfigError(
            f"{folder}: holds a run already; add --resume to go on, or give another --run"
        )


def _with_threads(config: Config, threads: int | None) -> Config:
    """Fill in the number of threads where the config leaves it open."""
    if config.training.threads is not None or threads is None:
        return config
    training = config.training.model_copy(update={"threads": threads})
    return config.model_copy(update={"training": training})


class _Trainer:
    """A run in memory: its networks, its faces and how far it is."""

    def __init__(self, config: Config, run: RunFolder) -> None:
        self.config = config
        self.run = run
        self.store = Store(config.store)
        records, sources = self.store.records, list(config.sources)
        self.faces, self.validation = (
            ordered_by_name(records, source_faces(records, sources, config.compression, split))
            for split in ("train", "val")
        )
        self.device = choose_device(config.training.device)
        self.method = build_method(config)
        if self.method.paired:
            meta_split(sources, np.random.default_rng(config.seed))  # refuses a single source
        self.method.to(self.device).to(memory_format=torch.channels_last)  # 1.5x faster on CPUs
        self.optimizer = build_optimizer(config, self.method)
        self.scheduler = StepLR(
            self.optimizer, config.training.lr_step_epochs, config.training.lr_gamma
        )
        self.progress = Progress()
        self.guard = FiniteGuard(records, run.path / "stopped-batch.json")
        self.pairing = Pairing(records.loc[self.faces].reset_index(drop=True))
        self.fakes = records.loc[self.faces].query("label == 1")
        self.masks = self.method.needs_masks and bool(self.fakes["has_mask"].any())
        per_batch = math.ceil(config.training.batch_size / 2)
        self.epochs = config.training.epochs
        self.steps = config.training.steps_per_epoch or math.ceil(len(self.fakes) / per_batch)
        if not any(p.requires_grad for p in self.method.parameters()):
            self.epochs, self.steps = 1, 0  # nothing to train: it is validated and released

    def begin(self) -> None:
        """Make the run's folder, with its config and a log that begins with the run's notes."""
        # a run has no folder to count a relative store from
        config = self.config.model_copy(update={"store": self.config.store.resolve()})
        self.run.write_config(config)
        notes = list(run_notes(self.config, self.method, self.fakes))
        for note in notes:
            logger.info(note)
        write_text(self.run.log_path, "".join(log_line("note", 0, 0, {"note": n}) for n in notes))

    def first_phase(self) -> None:
        """Train what the method builds on, as far as that is not done, and hand it over."""
        name = self.method.first_phase
        if name is None:
            return
        config, run = self.config.model_copy(update={"method": name}), self.run.path / name
        with torch.random.fork_rng(self._gpus()):  # the second phase draws as if it were alone
            trained = train(config, run, resume=RunFolder(run).exists, locked=True)
        self.method.take_over(trained)

    def restore(self) -> None:
        """Go back to the last checkpoint; what was logged after it is forgotten."""
        self.progress = Progress(
            **load_checkpoint(self.run.last_checkpoint, self.method, self.optimizer)
        )
        self.scheduler.last_epoch = self.progress.epoch
        self.run.forget_after(self.progress.step)

    def fit(self) -> None:
        """Train from where the run is to its last epoch."""
        progress = self.progress
        batches = load_batches(
            self.store,
            self._plan(),
            image_size=self.config.detector.image_size,
            workers=self.config.training.workers,
            masks=self.masks,
        )
        with (
            reader_deaths_told(),
            closing(batches),
            SummaryWriter(
                str(self.run.path), purge_step=progress.step + (progress != Progress())
            ) as board,
            self.run.log_path.open("a", buffering=1) as log,  # no checkpoint is ahead of the log
            progress_bar(
                f"train {self.config.method}", self.epochs * self.steps, progress.step
            ) as advance,
        ):
            started = time.monotonic()
            faces = chain(list(islice(batches, 1)), batches)
            begun = time.monotonic() - started
            while progress.epoch < self.epochs:
                self._epoch(faces, advance, log.write, board)
        if (share := data_loading_share(self.run)) is not None:
            logger.info(
                f"data loading: {share:.0%} of the time, after {begun:.1f} s for the first batch"
            )

    def _epoch(
        self,
        batches: Iterator[Batch],
        advance: Callable[..., None],
        write: Callable[[str], object],
        board: SummaryWriter,
    ) -> None:
        progress, started = self.progress, time.monotonic()
        saved, waited = started, 0.0
        self.method.train()
        asked = time.monotonic()
        for batch in islice(batches, self.steps - progress.step_in_epoch):
            waited += time.monotonic() - asked
            logs = self._step(batch)
            progress.step += 1
            progress.step_in_epoch += 1
            add_weights(progress.weights, batch, logs)
            scalars = {name: float(v) for name, v in logs.items() if v.ndim == 0}
            write(log_line("step", progress.step, progress.epoch + 1, scalars))
            for name, value in scalars.items():
                board.add_scalar(f"train/{name}", value, progress.step)
            advance(note=f"epoch {progress.epoch + 1} loss {scalars['loss']:.3f}")
            due = time.monotonic() - saved > 60 * self.config.training.checkpoint_minutes
            if due and progress.step_in_epoch < self.steps:  # else the epoch's end saves
                board.flush()
                self._save(self.run.last_checkpoint)
                saved = time.monotonic()
            asked = time.monotonic()
        seconds = time.monotonic() - started
        self._finish_epoch(write, board, {"seconds": seconds, "waited_for_data": waited})

    def _plan(self) -> Iterator[BatchRows]:
        """Yield the batches still to come, as rows of the store; the same in a resumed run."""
        progress, done = self.progress, self.progress.step_in_epoch
        for epoch in range(progress.epoch, self.epochs):
            plan = epoch_batches(
                self.pairing,
                np.arange(len(self.faces)),
                self.config.sources,
                steps=self.steps,
                batch_size=self.config.training.batch_size,
                paired=self.method.paired,
                pairings=self.method.pairings,
                rng=np.random.default_rng([self.config.seed, epoch]),
            )
            for batch in islice(plan, done, None):
                yield batch.of(self.faces)
            done = 0
            if epoch == 0 and (strays := {k: n for k, n in self.pairing.fallbacks.items() if n}):
                logger.info(
                    "counterparts not of the same video in the first epoch: "
                    f"{strays.get('person', 0)} by person, {strays.get('any', 0)} at random"
                )

    def stopped(self) -> str:
        """Say where training stands and how to go on."""
        return (
            f"{self.run}: stopped in epoch {min(self.progress.epoch + 1, self.epochs)} of "
            f"{self.epochs}, after step {self.progress.step}; its last checkpoint is kept: "
            f"`ltw train --resume {self.run}` goes on"
        )

    def _step(self, batch: Batch) -> Logs:
        self.optimizer.zero_grad(set_to_none=True)
        try:
            logs = self.method.backward(self._on_device(batch))
        except LTWError as error:  # of a loss that is not finite
            raise self.guard.stop(str(error), batch.indices) from None
        self.guard.require(logs, "the step's", batch.indices)
        gradients = {n: p.grad for n, p in self.method.named_parameters() if p.grad is not None}
        self.guard.require(gradients, "the gradient of", batch.indices)
        self.optimizer.step()
        self.guard.require(self.method.state_dict(), "the stepped weight", batch.indices)
        return logs

    def _on_device(self, batch: Batch) -> Batch:
        def moved(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.to(self.device, non_blocking=True)

        for name, value in vars(batch).items():
            if isinstance(value, torch.Tensor):
                setattr(batch, name, moved(value))
        if batch.weight_counterparts is not None:
            images, labels = batch.weight_counterparts
            batch.weight_counterparts = moved(images), moved(labels)
        return batch

    def _gpus(self) -> list[torch.device]:
        return [self.device] if self.device.type == "cuda" else []

    def _finish_epoch(
        self, write: Callable[[str], object], board: SummaryWriter, timing: dict[str, float]
    ) -> None:
        progress = self.progress
        if self.steps:
            self.scheduler.step()
        progress.epoch += 1
        progress.step_in_epoch = 0
        if self.config.training.recompute_batch_norm and self.steps:
            steps = min(self.steps, BATCH_NORM_STEPS)
            with closing(self._source_batches(steps, self.config.seed, progress.epoch)) as batches:
                images = (self._on_device(batch).images for batch in batches)
                recompute_statistics(self.method.detector, images)
        results: dict[str, Any] = {
            "validation": self._validate(),
            **timing,
            **weight_statistics(progress.weights),
        }
        progress.weights = {}
        write(log_line("epoch", progress.step, progress.epoch, results))
        for group in ("validation", "weights"):
            for name, value in results.get(group, {}).items():
                board.add_scalar(f"{group}/{name}", value, progress.step)
        board.flush()
        if results["validation"]["auc"] > progress.best_auc:
            progress.best_auc = results["validation"]["auc"]
            progress.best_epoch = progress.epoch
            self._save(self.run.best_checkpoint)
        self._save(self.run.last_checkpoint)

    def _validate(self) -> dict[str, float]:
        """Measure the method as it stands on the validation faces of the sources."""
        logits = score(
            lambda images: self.method.logits(images.to(self.device)),
            self.store,
            self.validation,
            image_size=self.config.detector.image_size,
        )
        self.guard.require_scores(logits, self.validation)
        return metrics.evaluate(self.store.records.loc[self.validation, "label"], expit(logits))

    def _save(self, path: Path) -> None:
        save_checkpoint(path, self.method, self.optimizer, asdict(self.progress))

    def release(self) -> Method:
        """Write the selected detector and, where the method weighs faces, what those weigh."""
        chosen = self._select()
        last = chosen["rule"] == "last"
        load_checkpoint(self.run.last_checkpoint if last else self.run.best_checkpoint, self.method)
        self.method.eval()
        detector: Any = self.method.detector
        detector.config |= describe_release(
            detector, self.config, self.store, self.faces, self.validation
        )
        detector.config["selection"] = chosen
        for note in release_notes(detector.config):
            logger.info(f"release: {note}")
        detector.save(self.run.detector)
        weights = self._weights()
        if len(weights):
            with atomic(self.run.weights_path) as part:
                weights.to_parquet(part, index=False)
        return self.method

    def _select(self) -> dict[str, Any]:
        """Return which epoch is released, by which rule, and say so where last and best differ."""
        progress, log = self.progress, self.run.log()
        last = next(line for line in reversed(log) if line["kind"] == "epoch")
        chosen = {
            "rule": self.config.training.selection,
            "last": {"epoch": progress.epoch, "validation_auc": last["validation"]["auc"]},
            "best": {"epoch": progress.best_epoch, "validation_auc": progress.best_auc},
        }
        if progress.epoch != progress.best_epoch:
            logger.info(selection_note(chosen))
            if not any(line["kind"] == "selection" for line in log):
                with self.run.log_path.open("a") as file:
                    file.write(log_line("selection", progress.step, progress.epoch, chosen))
        return chosen

    def _weights(self) -> pd.DataFrame:
        """Return what training faces weigh, in batches as they were trained on."""
        few = min(GALLERY_FACES, len(self.faces))
        steps = math.ceil(few / self.config.training.batch_size)
        with (
            closing(self._source_batches(steps, self.config.seed)) as batches,
            torch.random.fork_rng(self._gpus()),
        ):
            torch.manual_seed(self.config.seed)  # dropout: the same in a resumed run
            return weight_table(self.method, map(self._on_device, batches))

    def _source_batches(self, steps: int, *seed: int) -> Generator[Batch, None, None]:
        """Yield training batches drawn from all sources, apart from those that are trained on."""
        plan = epoch_batches(
            self.pairing,
            np.arange(len(self.faces)),
            self.config.sources,
            steps=steps,
            batch_size=self.config.training.batch_size,
            paired=False,
            rng=np.random.default_rng(seed),
        )
        return load_batches(
            self.store,
            (rows.of(self.faces) for rows in plan),
            image_size=self.config.detector.image_size,
            workers=0,
        )


def data_loading_share(run: RunFolder) -> float | None:
    """Return how much of its epochs' time a run's steps waited for batches; None without a step.

    The wait for the first batch, while the processes that read start, is not counted.
    """
    epochs = [epoch for epoch in run.epochs() if epoch["step"] > 0]
    seconds = sum(epoch["seconds"] for epoch in epochs)
    return sum(epoch["waited_for_data"] for epoch in epochs) / seconds if epochs else None
