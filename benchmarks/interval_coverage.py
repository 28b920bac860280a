"""Coverage of the 95% intervals: how often they hold the true AUC, on simulated test sets.

    python benchmarks/interval_coverage.py [STUDIES] [--only NAME] [--seed N]

Scores are normal, fakes SEPARATION above reals, so that the true AUC is known. A share of their
variance is the person's: one value a person in genuine videos and one in forgeries of them
("apart"), the same value in both ("shared"), half of a forgery's share by its donor ("with donor").
"before" draws videos, reals and fakes apart, takes plain percentiles, and counts benchmarks as
independent; "after" is `ltw.metrics`. Prints Markdown, row by row; * marks what is outside
[0.93, 0.97]. docs/statistics.md has the table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from machine import describe
from numpy.typing import NDArray
from scipy.stats import norm, t

from ltw.metrics import Draws, Sample, draw, estimate, percentile_interval
from ltw.metrics.ranking import Ranking

Array = NDArray[np.float64]
Coverages = tuple[float, float]
"""Before and after."""
Row = tuple[str, str, Callable[[], Coverages]]

SEPARATION = 1.2  # true AUC 0.80
REPLICATES = 500
FRAMES, FRAME_NOISE = 4, 0.5  # frames a video, and the variance that is a frame's own
BETWEEN_SEEDS = 0.15  # standard deviation of the separation between trainings
AIM = (0.93, 0.97)
MODES = ((0, ""), (0.2, "apart"), (0.2, "shared"), (0.2, "with donor"))

# Celeb-DF v2's official test list, by person: genuine films, forgeries of them, forgeries with
# their face; 70 more films show people who are in nothing else
CELEB_REAL = "1453102121222332212211112321343135302201321102133231031032"
CELEB_TARGET = (
    "10 16 9 11 18 0 13 4 4 15 11 1 3 4 16 17 3 8 11 6 8 5 7 5 8 12 9 17 5 4 3 4 12 0 15 4 3 0 0 1 "
    "2 3 2 3 1 3 2 3 3 2 3 4 1 4 2 1"
)
CELEB_DONOR = (
    "14 16 21 26 7 1 14 8 0 9 5 4 2 4 17 1 8 19 16 1 14 2 2 14 2 20 3 6 9 6 7 5 7 0 5 3 3 2 3 1 1 "
    "2 3 0 3 0 2 2 2 3 3 1 1 3 5 3"
)


@dataclass(frozen=True)
class Design:
    """A test set: a row a video, sorted by name, in the columns that `draw` reads."""

    videos: pd.DataFrame

    @classmethod
    def of(cls, reals: Sequence[str], fakes: Sequence[tuple[str, str]]) -> Design:
        """Make videos of the people in ``reals``, and of (target, donor) in ``fakes``."""
        rows = [("real", 0, f"real/{k}", person, "") for k, person in enumerate(reals)]
        rows += [("fake", 1, f"fake/{k}", *people) for k, people in enumerate(fakes)]
        columns = ["domain", "label", "video", "person", "donor_person"]
        videos = pd.DataFrame(rows, columns=columns).assign(dataset="toy")
        return cls(videos.sort_values("video", ignore_index=True))

    @cached_property
    def fake(self) -> Array:
        """1 for a forgery, 0 for a genuine video, (V,)."""
        return self.videos["label"].to_numpy(float)

    @cached_property
    def people(self) -> list[NDArray[np.intp]]:
        """The number of each video's person, and of its donor, each (V,)."""
        names = ["person", "donor_person"]
        known = pd.Index(pd.unique(self.videos[names].to_numpy().ravel()))
        return [known.get_indexer(self.videos[name]) for name in names]

    def draws(self) -> tuple[Draws, Draws]:
        """Return draws as before (videos) and as now."""
        unknown = self.videos.drop(columns=["person", "donor_person"])
        return draw(unknown, REPLICATES), draw(self.videos, REPLICATES)

    def effects(self, mode: str, rng: np.random.Generator) -> Array:
        """Return what people contribute to each video, of variance 1."""
        person, donor = self.people
        genuine, forged, given = rng.normal(size=(3, 1 + max(map(np.max, self.people))))
        if mode == "shared":
            forged = genuine
        effect = forged[person]
        if mode == "with donor":
            effect = (forged[person] + given[donor]) / np.sqrt(2)
        return np.where(self.fake == 1, effect, genuine[person])


def faceforensics(rng: np.random.Generator) -> Design:
    """140 people, a genuine video each; pairs (A, B) forged both ways."""
    names = [f"{k:03}" for k in range(140)]
    return Design.of(names, [(names[k], names[k ^ 1]) for k in range(140)])


def dfdc(rng: np.random.Generator) -> Design:
    """200 genuine films, each forged one to about ten times."""
    times = 1 + rng.poisson(4, 200)
    return Design.of(
        [f"{k}" for k in range(200)], [(f"{k}", "") for k, n in enumerate(times) for _ in range(n)]
    )


def celeb(rng: np.random.Generator) -> Design:
    """Celeb-DF v2's 178 genuine films and 340 forgeries, targets and donors as often as there."""
    reals = [f"id{k}" for k, n in enumerate(map(int, CELEB_REAL)) for _ in range(n)]
    target, donor = (
        np.repeat(np.arange(56), [int(n) for n in counts.split()])
        for counts in (CELEB_TARGET, CELEB_DONOR)
    )
    donor = rng.permutation(donor)
    while len(same := np.flatnonzero(target == donor)):  # nobody is swapped with oneself
        other = rng.integers(len(donor))
        donor[same[0]], donor[other] = donor[other], donor[same[0]]
    fakes = [(f"id{a}", f"id{b}") for a, b in zip(target, donor, strict=True)]
    return Design.of(reals + [f"{k:05}" for k in range(70)], fakes)


def deepfakedetection(rng: np.random.Generator) -> Design:
    """28 actors in 13 scenes each, and 360 of their pairs in 8 scenes each."""
    pairs = [(a, b) for a in range(28) for b in range(28) if a != b]
    chosen = rng.choice(len(pairs), 360, replace=False)
    fakes = [tuple(f"{who:02}" for who in pairs[k]) for k in chosen for _ in range(8)]
    return Design.of([f"{k:02}" for k in range(28) for _ in range(13)], fakes)


def strangers(videos: int) -> Design:
    """Nobody is in two videos; as many of each class."""
    return Design.of([f"r{k}" for k in range(videos)], [(f"f{k}", f"d{k}") for k in range(videos)])


def auc(ranking: Ranking, draws: Draws) -> Array:
    return ranking.curves(draws.counts).auc()


def one_run(
    design: Design, share: float, mode: str, frames: bool, studies: int, rng: np.random.Generator
) -> Coverages:
    """Return the coverage of one detector's interval, before and after."""
    before, after = design.draws()
    truth = float(norm.cdf(SEPARATION / np.sqrt(2 * (1 + FRAME_NOISE * frames))))
    video = np.repeat(np.arange(len(design.fake)), FRAMES if frames else 1)
    hits = np.zeros(2)
    for _ in range(studies):
        scores = SEPARATION * design.fake + np.sqrt(share) * design.effects(mode, rng)
        scores += np.sqrt(1 - share) * rng.normal(size=len(scores))
        scores = scores[video] + np.sqrt(FRAME_NOISE * frames) * rng.normal(size=len(video))
        ranking = Ranking.of(design.fake[video], scores, video)
        hits += [
            low <= truth <= high
            for low, high in (
                percentile_interval(auc(ranking, before)),
                percentile_interval(auc(ranking, after), after.fewest),
            )
        ]
    first, second = (hits / studies).tolist()
    return first, second


def several_runs(
    design: Design,
    share: float,
    seeds: int,
    benchmarks: int,
    correlation: float,
    studies: int,
    rng: np.random.Generator,
) -> Coverages:
    """Return the coverage of a mean over seeds and benchmarks, before and after.

    The benchmarks' forgeries are of the same people. ``correlation``: of their separations, over
    seeds. Half of what is a video's own in a score is found by every seed.
    """
    before, after = design.draws()
    truth = float(norm.cdf(SEPARATION / np.sqrt(2 + BETWEEN_SEEDS**2)))
    own = np.sqrt((1 - share) / 2)
    hits = np.zeros(2)
    for _ in range(studies):
        people = np.sqrt(share) * design.effects("shared", rng)
        genuine = rng.normal(size=len(design.fake))
        common, single = rng.normal(size=seeds), rng.normal(size=(benchmarks, seeds))
        gains = BETWEEN_SEEDS * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * single)
        samples: list[list[Sample]] = [[], []]
        for gain in gains:
            hard = np.where(design.fake == 1, rng.normal(size=len(genuine)), genuine)
            rankings = [
                Ranking.of(
                    design.fake,
                    (SEPARATION + g) * design.fake
                    + people
                    + own * (hard + rng.normal(size=len(hard))),
                    np.arange(len(hard)),
                )
                for g in gain
            ]
            values = np.array([ranking.curves().auc()[0] for ranking in rankings])
            for part, draws, units in zip(
                samples, (before, after), (None, after.fewest), strict=True
            ):
                drawn = np.stack([auc(ranking, draws) for ranking in rankings])
                part.append(Sample(tuple(range(seeds)), values, drawn, units))
        found = estimate(samples[1])
        hits += [
            abs(found.value - truth) <= independent(samples[0]),
            found.low <= truth <= found.high,
        ]
    first, second = (hits / studies).tolist()
    return first, second


def independent(samples: Sequence[Sample]) -> float:
    """Return half the width of the interval that counts all trainings as independent."""
    n = len(samples)
    drawn = np.mean([s.replicates.mean(axis=0) for s in samples], axis=0).var(ddof=1)
    parts = [s.values.var(ddof=1) / len(s.seeds) / n**2 for s in samples]
    variance = drawn + sum(parts)
    freedom = variance**2 / sum(
        part**2 / (len(s.seeds) - 1) for part, s in zip(parts, samples, strict=True)
    )
    return float(t.ppf(0.975, freedom) * np.sqrt(variance))


def rows(studies: int, seed: int) -> Iterator[Row]:
    """Yield (part, what is simulated, a call that returns the two coverages)."""
    made = np.random.default_rng(seed)
    ff, df, cd, dfd = (f(made) for f in (faceforensics, dfdc, celeb, deepfakedetection))

    def rng() -> np.random.Generator:
        return np.random.default_rng(seed)

    def single(
        part: str,
        name: str,
        design: Design,
        share: float,
        mode: str = "apart",
        frames: bool = False,
    ) -> tuple[str, str, object]:
        level = "frame" if frames else "video"
        effect = f"{share:.0%} by person, {mode}" if share else "no person effect"
        return (
            part,
            f"{name}, {effect} | {level}",
            lambda: one_run(design, share, mode, frames, studies, rng()),
        )

    for n in (10, 30, 200):
        yield single("strangers", f"{n} + {n} videos of strangers", strangers(n), 0)
    for share, mode in ((0, ""), (0.2, "apart"), (0.2, "shared"), (0.2, "with donor")):
        yield single("faceforensics", "FaceForensics++", ff, share, mode)
        yield (
            single("dfdc", "DFDC", df, share, mode)
            if mode != "with donor"
            else single("faceforensics", "FaceForensics++", ff, 0.2, "apart", True)
        )
    for share in (0, 0.1, 0.2, 0.3):
        for mode in ("apart", "with donor") if share else ("",):
            yield single("celeb", "Celeb-DF v2", cd, share, mode)
    yield single("celeb", "Celeb-DF v2", cd, 0.2, "shared")
    yield single("celeb", "Celeb-DF v2", cd, 0.2, "with donor", True)
    for share, mode in MODES:
        yield single("deepfakedetection", "DeepFakeDetection", dfd, share, mode)
    for seeds in (3, 5):
        yield (
            "seeds",
            f"FaceForensics++, {seeds} seeds, 20% by person | video",
            lambda seeds=seeds: several_runs(ff, 0.2, seeds, 1, 0, studies, rng()),
        )
    for correlation in (0, 0.5, 0.8):
        yield (
            "benchmarks",
            f"mean over 4 benchmarks, 3 seeds, correlation {correlation} | video",
            lambda c=correlation: several_runs(ff, 0.2, 3, 4, c, studies, rng()),
        )


def shown(coverage: float) -> str:
    return f"{coverage:.3f}" + ("" if AIM[0] <= coverage <= AIM[1] else "*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="?", type=int, default=1000, help="simulated a row")
    parser.add_argument("--only", help="strangers, faceforensics, celeb, ...: one part")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.process_time()
    print(f"{options.studies} studies a row, {REPLICATES} draws; {describe()}\n")
    print("| test set | level | before | after |\n| --- | --- | --- | --- |")
    for part, name, coverages in rows(options.studies, options.seed):
        if options.only in (None, part):
            before, after = coverages()
            print(f"| {name} | {shown(before)} | {shown(after)} |", flush=True)
    print(f"\n{time.process_time() - started:.0f} s of processor time")


if __name__ == "__main__":
    main()
