"""Plan of a corpus: its parameters, its files, and whether a folder holds just that."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.synth import QUALITIES
from ltw.synth.learned import ALL_FORGERIES, LEARNED

COMPRESSIONS = {"raw": 0, "c23": 23, "c40": 40}
"""FaceForensics++'s names, and x264's constant rate factor for each."""

MASK_CRF = 5
"""Masks are encoded nearly without loss, whatever the compression of their video."""

MIN_PEOPLE = 6
"""A pair for each of the three splits."""


@dataclass(frozen=True)
class CorpusPlan:
    """All that the files of a corpus depend on; saved as corpus.json.

    ``failures`` is the share of forged videos that fail, ``bad_detections`` that of frames, genuine
    and forged; ``autoencoder`` is the checksum of the one that learned forgeries use;
    ``test_share`` is that of the pairs in the test split.
    """

    faces: str | None
    people: int | None
    frames: int
    compressions: tuple[str, ...]
    forgeries: tuple[str, ...]
    size: int
    seed: int
    quality: str = "fixed"
    failures: float = 0.0
    bad_detections: float = 0.0
    autoencoder: str | None = None
    test_share: float = 0.14

    @property
    def varies(self) -> bool:
        """Whether videos differ in what `ltw.types.FrameTruth` tells."""
        return self.quality != "fixed" or self.failures > 0 or self.bad_detections > 0

    def to_json(self) -> str:
        """The content of corpus.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def real(self, name: str, compression: str) -> Path:
        """Path of a genuine video, relative to the corpus."""
        source = "rendered" if self.faces is None else "portraits"
        return Path("original_sequences", source, compression, "videos", f"{name}.mp4")

    def fake(self, forgery: str, kind: str, target: str, donor: str) -> Path:
        """Path of a forged video, or of its mask where ``kind`` is ``masks`` and no compression."""
        return Path("manipulated_sequences", forgery, kind, "videos", f"{target}_{donor}.mp4")

    def files(self, first: str, second: str) -> Iterator[Path]:
        """Every video file of a pair, relative to the corpus."""
        for target, donor in ((first, second), (second, first)):
            yield from (self.real(target, compression) for compression in self.compressions)
            for forgery in self.forgeries:
                for kind in (*self.compressions, "masks"):
                    yield self.fake(forgery, kind, target, donor)

    def validate(self) -> None:
        """Raise ConfigError for the first argument that cannot be meant."""
        if self.people is not None and (self.people < MIN_PEOPLE or self.people % 2):
            raise ConfigError(
                f"people: {self.people} is not possible; people are forged in pairs, and each of "
                f"the three splits needs one: give an even number from {MIN_PEOPLE} up"
            )
        if self.frames < 1:
            raise ConfigError(f"frames: {self.frames} is too few; give 1 or more")
        if self.size < 128 or self.size % 2:
            raise ConfigError(f"size: {self.size} is not possible; give an even number from 128 up")
        if self.seed < 0:
            raise ConfigError(f"seed: {self.seed} is negative; give 0 or more")
        if self.quality not in QUALITIES:
            raise ConfigError(
                f"quality: unknown {self.quality!r}{did_you_mean(self.quality, QUALITIES)}"
            )
        for what in ("failures", "bad_detections", "test_share"):
            share = getattr(self, what)
            if not 0 <= share <= 1:
                raise ConfigError(f"{what}: {share} is no share; give 0 to 1")
        names_of: dict[str, tuple[Sequence[str], Collection[str]]] = {
            "compressions": (self.compressions, COMPRESSIONS),
            "forgeries": (self.forgeries, ALL_FORGERIES),
        }
        for what, (names, allowed) in names_of.items():
            if not names:
                raise ConfigError(f"{what}: none given; allowed: {', '.join(allowed)}")
            for name in names:
                if name not in allowed:
                    raise ConfigError(f"{what}: unknown name {name!r}{did_you_mean(name, allowed)}")
        learned = [name for name in self.forgeries if name in LEARNED]
        if learned and self.autoencoder is None:
            raise ConfigError(
                f"forgeries: {', '.join(learned)} need an autoencoder, and none comes with this "
                "package; give the folder of one (--autoencoder DIR), or leave them out"
            )

    def check_folder(self, out: Path) -> None:
        """Raise DataError where ``out`` holds anything but this plan's corpus or nothing."""
        if out.exists() and not out.is_dir():
            raise DataError(f"{out}: is a file, not a folder; name another folder")
        file = out / "corpus.json"
        if not file.exists():
            if out.exists() and any(out.iterdir()):
                raise DataError(f"{out}: holds files, but no corpus; name a new or an empty folder")
            return
        try:
            theirs = json.loads(file.read_text())
            if not isinstance(theirs, dict):
                raise ValueError
        except ValueError:
            raise DataError(f"{file}: damaged; delete the folder and start anew") from None
        before = {f.name: f.default for f in fields(self) if f.default is not MISSING}
        theirs = before | theirs  # a corpus may be older than the last parameters
        for name, mine in json.loads(self.to_json()).items():
            if theirs.get(name) != mine:
                raise DataError(
                    f"{out}: holds a corpus made with {name} = {theirs.get(name)}, not {mine}; "
                    "name another folder, or repeat the first call's arguments to continue it"
                )
