"""Benchmarks and suites as data: what is trained on, what is tested, by which methods.

The paper's benchmarks (its Table 1) leave one forgery of FaceForensics++ out (GID), or train on all
four and test on other data sets (GCD). `rehearsal` makes the same of a synthetic corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ltw.engine.schema import Benchmark
from ltw.errors import ConfigError, DataError, did_you_mean
from ltw.methods import METHODS
from ltw.models.backbones import PACKAGED
from ltw.synth.forgeries import DEFAULT_FORGERIES

FACEFORENSICS = {"Deepfakes": "DF", "Face2Face": "F2F", "FaceSwap": "FS", "NeuralTextures": "NT"}
"""The forgeries of FaceForensics++ and what the paper calls them in its benchmarks' names."""

STAND_INS = {
    "Deepfakes": "learned_swap",
    "FaceSwap": "graphics_swap",
    "Face2Face": "expression_transfer",
    "NeuralTextures": "mouth_rerendering",
}
"""The forgery of a synthetic corpus (`ltw synth`) that takes each one's place in a rehearsal."""

OTHER_PEOPLE = "other"
"""The data set that takes the place of Celeb-DF and DFDC in a rehearsal: a second corpus."""

PAPER_METHODS = (
    "basemodel",
    "alltrain",
    "focal",
    "forensic_transfer",
    "multi_task",
    "mldg",
    "ltw",
)

PAPER_SETTINGS: Mapping[str, Any] = {"training.selection": "last"}
"""Of the paper's suites: it trains without early stopping, which choosing the best epoch is."""

_AUTOENCODERS = {"detector.image_size": 256, "training.batch_size": 64}
METHOD_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "forensic_transfer": _AUTOENCODERS,
    "multi_task": _AUTOENCODERS,
}
"""What the papers of these baselines ask for (docs/method.md); all else is shared."""

SMALL: Mapping[str, Any] = {
    "detector.backbone": PACKAGED[0],
    "detector.image_size": 112,
    "training.batch_size": 25,
    "training.epochs": 4,
    "training.steps_per_epoch": 10,
}
"""Settings for synthetic corpora: no download, and minutes a run without a GPU."""


@dataclass(frozen=True)
class Variant:
    """A row of a table: a method and, where it departs from its own settings, how and its name."""

    method: str
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.name}".strip()


@dataclass(frozen=True)
class Suite:
    """Every variant on every benchmark; ``settings`` (dotted keys of `Config`) hold for all runs.

    Where two settings meet, the variant's win over the suite's, and those over `METHOD_SETTINGS`.
    ``title`` is given to what stands in the paper as a table or figure of its own.
    """

    name: str
    benchmarks: tuple[Benchmark, ...]
    variants: tuple[Variant, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    def only(self, methods: Sequence[str]) -> Suite:
        """Keep the variants of ``methods``; a method that has none joins with its own settings.

        Raises:
            ConfigError: there is no such method.
        """
        for method in methods:
            if method not in METHODS:
                raise ConfigError(f"--methods {method!r}{did_you_mean(method, METHODS)}")
        rows = {v.method for v in self.variants}
        kept = [v for v in self.variants if v.method in methods]
        added = [Variant(method) for method in methods if method not in rows]
        return replace(self, variants=(*kept, *added))

    def options(self, variant: Variant) -> dict[str, Any]:
        """Return the settings of a variant's runs, as dotted keys."""
        own = METHOD_SETTINGS.get(variant.method, {})
        return {**own, **self.settings, **variant.settings}


def leave_one_out(
    forgeries: Sequence[str], names: Mapping[str, str], compression: str | None = None
) -> tuple[Benchmark, ...]:
    """Leave each forgery out in turn: train on the others, test on it; ``names`` the benchmarks.

    Raises:
        DataError: fewer than two forgeries.
    """
    if len(forgeries) < 2:
        raise DataError(
            f"forgeries: {', '.join(forgeries) or 'none'}; to leave one out takes at least two"
        )
    return tuple(
        Benchmark(names[target], tuple(f for f in forgeries if f != target), (target,), compression)
        for target in forgeries
    )


def rehearsal(suite: Suite) -> Suite:
    """Return ``suite`` for synthetic corpora, at `SMALL` settings; its benchmarks' names say so.

    Each forgery of FaceForensics++ is replaced by its stand-in, and the foreign data sets by the
    four stand-ins on other people, the data set `OTHER_PEOPLE`.
    """
    benchmarks = tuple(
        replace(
            benchmark,
            name=f"synthetic-{benchmark.name}",
            sources=tuple(STAND_INS[source] for source in benchmark.sources),
            targets=_synthetic_targets(benchmark.targets),
        )
        for benchmark in suite.benchmarks
    )
    return replace(
        suite,
        name=f"synthetic-{suite.name}",
        benchmarks=benchmarks,
        settings={**SMALL, **suite.settings},
    )


def _synthetic_targets(targets: Sequence[str]) -> tuple[str, ...]:
    foreign = [f"{OTHER_PEOPLE}/{forgery}" for forgery in DEFAULT_FORGERIES]
    own = [STAND_INS[target] for target in targets if target in STAND_INS]
    return (*(foreign if len(own) < len(targets) else ()), *own)


def find_suite(name: str, forgeries: Sequence[str]) -> Suite:
    """Return the suite called ``name``; ``forgeries`` are those of the stores, for leave-one-out.

    Raises:
        ConfigError: there is no such suite.
        DataError: leave-one-out has fewer than two forgeries.
    """
    if name == LEAVE_ONE_OUT:
        names = {forgery: f"unseen-{forgery}" for forgery in forgeries}
        return Suite(name, leave_one_out(forgeries, names), _every_method())
    if name not in SUITES:
        raise ConfigError(f"suite {name!r}{did_you_mean(name, (*SUITES, LEAVE_ONE_OUT))}")
    return SUITES[name]


def _gid(compression: str) -> tuple[Benchmark, ...]:
    level = compression.removeprefix("c")
    names = {forgery: f"GID-{short}{level}" for forgery, short in FACEFORENSICS.items()}
    return leave_one_out(tuple(FACEFORENSICS), names, compression)


def _plain(methods: Sequence[str]) -> tuple[Variant, ...]:
    return tuple(Variant(method) for method in methods)


def _every_method() -> tuple[Variant, ...]:
    return _plain(tuple(METHODS))


def _sweep(key: str, values: Sequence[float]) -> tuple[Variant, ...]:
    name = key.split(".")[-1]
    return tuple(Variant("ltw", f"{name}={value:g}", {key: value}) for value in values)


GID = {b.name: b for b in sorted((*_gid("c23"), *_gid("c40")), key=lambda b: b.targets)}
"""The paper's eight benchmarks that leave one forgery out."""

GCD = Benchmark("GCD", tuple(FACEFORENSICS), ("Celeb-DF", "DFDC", *FACEFORENSICS), "c23")
"""The paper's benchmark across data sets; its OthersAVG is the mean over the last four targets."""

BACKBONES = ("efficientnet_b2", "efficientnet_b4", "xception", "seresnet50", "vgg19_bn")
ABLATIONS = ("ltw-without-icc", "ltw-without-weights", "ltw-without-meta-test")
LEAVE_ONE_OUT = "leave-one-out"


def _suites() -> list[Suite]:
    paper = _plain(PAPER_METHODS)
    first, second = (
        tuple(b for b in GID.values() if b.targets[0] in targets)
        for targets in (("Deepfakes", "Face2Face"), ("FaceSwap", "NeuralTextures"))
    )
    one = (GID["GID-DF23"],)
    backbones = tuple(
        Variant(method, backbone, {"detector.backbone": backbone})
        for backbone in BACKBONES
        for method in ("alltrain", "ltw")
    )
    # Decades around the paper's λ and β: the values of its figure are not published as numbers.
    # The middle is LTW with its own settings, shared with the other suites.
    sweeps = (
        Variant("ltw"),
        *_sweep("ltw.icc_weight", (0.0, 1e-4, 1e-3, 1e-1, 1.0)),
        *_sweep("ltw.beta", (0.0, 1e-2, 1e-1, 10.0, 100.0)),
    )
    rendered = {forgery: f"synthetic-{forgery}" for forgery in DEFAULT_FORGERIES}
    return [
        *(Suite(b.name.lower(), (b,), paper, PAPER_SETTINGS) for b in (*GID.values(), GCD)),
        Suite("gid", tuple(GID.values()), paper, PAPER_SETTINGS),
        *(
            Suite(name, benchmarks, variants, PAPER_SETTINGS, title)
            for name, benchmarks, variants, title in (
                ("table2", first, paper, "Table 2: Deepfakes or Face2Face unseen"),
                ("table3", second, paper, "Table 3: FaceSwap or NeuralTextures unseen"),
                ("table4", (GCD,), paper, "Table 4: other data sets"),
                ("table5", one, _plain(("alltrain", *ABLATIONS, "ltw")), "Table 5: ablations"),
                ("table6", (GCD,), backbones, "Table 6: backbones"),
                ("fig5", one, sweeps, "Fig. 5: λ and β"),
            )
        ),
        Suite("synthetic", leave_one_out(DEFAULT_FORGERIES, rendered), _every_method(), SMALL),
    ]


SUITES = {suite.name: suite for suite in _suites()}
"""Suites by name; ``leave-one-out`` is made from what the stores hold (`find_suite`)."""

PAPER_TABLES = tuple(suite for suite in SUITES.values() if suite.title)
"""The paper's tables and its Fig. 5, in their order."""
