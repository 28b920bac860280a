"""Provenance: on what a detector was trained, whether it was measured, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RENDERED, ANIMATED, FILMED = "rendered", "animated", "filmed"
"""Kinds of people: made by computer graphics, portraits that were made to move, and others."""
PEOPLE = {
    RENDERED: "rendered people (computer graphics, nobody real)",
    ANIMATED: "people animated from portraits",
    FILMED: "filmed people",
}
DEMO = (
    "this is a demo: the detector has only ever seen rendered people, so what it says of real ones "
    "means nothing"
)


@dataclass(frozen=True)
class Measured:
    """Measurement of a detector on one forgery's test videos.

    ``seen`` is whether the forgery was among those trained on; ``auc`` is of whole videos, in
    [0, 1], with its 95% interval (None: too few videos).
    """

    forgery: str
    dataset: str
    seen: bool
    videos: int
    auc: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Provenance:
    """Provenance of a detector; what a release does not say is empty, or None.

    Attributes:
        id: first digits of the weights' SHA-256.
        method: that trained it.
        forgeries: it was trained on.
        datasets: they and their genuine videos come from.
        people: kinds of people in them (`PEOPLE`).
        videos: it was trained on; None where unknown.
        date: of the release, YYYY-MM-DD.
        version: of ltw that released it.
        measured: on test videos; empty where it was not, or nobody says so.
    """

    id: str
    method: str = ""
    forgeries: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    videos: int | None = None
    date: str = ""
    version: str = ""
    measured: tuple[Measured, ...] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any], digest: str) -> Provenance:
        """Take it out of a release's detector.json.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        trained = [row for row in values.get("data", []) if row["split"] == "train"]
        return cls(
            id=digest[:12],
            method=str(values.get("method", "")),
            forgeries=tuple(map(str, values.get("sources", []))),
            datasets=tuple(sorted({str(row["dataset"]) for row in trained})),
            people=tuple(map(str, values.get("people", []))),
            videos=sum(int(row["videos"]) for row in trained) if trained else None,
            date=str(values.get("date", "")),
            version=str(values.get("version", "")),
            measured=tuple(Measured(**test) for test in values.get("measured", [])),
        )

    @property
    def demo(self) -> bool:
        """Whether it has seen nobody but rendered people."""
        return self.people == (RENDERED,)

    @property
    def trained(self) -> str:
        """On what it was trained, in a sentence."""
        if self.videos is None:
            return "The detector does not say on what it was trained."
        people = " and ".join(PEOPLE.get(kind, kind) for kind in self.people) or "people"
        by = f" by {self.method}" if self.method else ""
        on = f" on {self.date}" if self.date else ""
        return (
            f"Trained{by}{on} with {self.videos:,} videos of {people} "
            f"(data: {', '.join(self.datasets)}), genuine or forged by {_listed(self.forgeries)}."
        )

    @property
    def tested(self) -> str:
        """How it was measured, in a sentence; on forgeries not trained on, where it was."""
        if not self.measured:
            return "No measurement on test videos came with it."
        unseen = [test for test in self.measured if not test.seen]
        told = _listed([_result(test) for test in unseen or self.measured])
        if unseen:
            return f"Measured on forgeries it was not trained on: {told}."
        return f"Measured only on the forgeries it was trained on: {told}."

    def warnings(self) -> Iterator[str]:
        """Yield what whoever reads a score must know."""
        if self.demo:
            yield DEMO
        if not self.measured:
            yield "the release tells of no measurement: how often the detector errs is not known"
        elif all(test.seen for test in self.measured):
            yield "the detector was measured on no forgery but those it was trained on"


@dataclass(frozen=True)
class DetectorInfo:
    """What every output says of the detector: ``trained`` and ``tested`` are sentences.

    ``id`` is the first digits of the weights' SHA-256; ``demo`` whether it has only ever seen
    rendered people; ``warnings`` are what whoever reads a score must know.
    """

    name: str
    id: str
    demo: bool
    trained: str
    tested: str
    warnings: tuple[str, ...]


def summarise(
    domains: Mapping[str, Mapping[str, Any]], sources: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the `Measured` of a run's metrics.json (its ``"domains"``) as plain values."""
    return [
        {
            "forgery": str(test["domain"]),
            "dataset": str(test["dataset"]),
            "seen": test["domain"] in sources,
            "videos": int(test["videos"]),
            "auc": test["video"]["auc"]["value"],
            "low": test["video"]["auc"]["low"],
            "high": test["video"]["auc"]["high"],
        }
        for test in domains.values()
    ]


def _result(test: Measured) -> str:
    bounds = "" if test.low is None or test.high is None else f" [{test.low:.2f}, {test.high:.2f}]"
    return f"{test.forgery} of {test.dataset}, AUC {test.auc:.2f}{bounds} on {test.videos} videos"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
