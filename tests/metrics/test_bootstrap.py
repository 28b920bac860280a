"""Metrics on draws, and their intervals, against slow code that repeats the rows."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t
from sklearn import metrics as sk

from ltw import metrics
from ltw.errors import DataError
from ltw.metrics import Scores, draw, intervals, percentile_interval


def some_faces(ties, videos=7, dataset="toy", forgery="swap", seed=0):
    """Videos of one to five frames, of both classes, shuffled."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, domain in enumerate(("real", forgery)):
        for v in range(videos + label):
            for p in rng.normal(label - 0.5, 1, rng.integers(1, 6)):
                rows.append(
                    (dataset, domain, label, f"{dataset}/{domain}/{v}", 1 / (1 + np.exp(-p)))
                )
    faces = pd.DataFrame(rows, columns=["dataset", "domain", "label", "video", "p_fake"])
    if ties:
        faces["p_fake"] = faces["p_fake"].round(1)
    return faces.sample(frac=1, random_state=seed)


def drawn_rows(faces, counts):
    """The rows of the drawn videos, each as often as its video was drawn."""
    names = sorted(faces["video"].unique())
    return pd.concat(
        faces[faces["video"] == name]
        for name, times in zip(names, counts, strict=True)
        for _ in range(int(times))
    )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("level", ["frame", "video"])
def test_every_draw_is_measured_as_its_rows_would_be(ties, level):
    faces = some_faces(ties)
    draws = draw(faces, replicates=40)
    found = Scores.of(faces, level).replicate(draws)
    for r, times in enumerate(draws.counts):
        rows = drawn_rows(faces, times)
        if level == "video":  # each time that a video was drawn it is one sample
            means = faces.groupby("video")[["label", "p_fake"]].mean()
            names = [
                n for n, k in zip(sorted(means.index), times, strict=True) for _ in range(int(k))
            ]
            rows = means.loc[names]
        y, p = rows["label"].to_numpy(), rows["p_fake"].to_numpy()
        assert found["auc"][r] == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
        assert found["acc"][r] == pytest.approx(np.mean((p > 0.5) == y), abs=1e-12)
        assert found["log_loss"][r] == pytest.approx(sk.log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)))
        assert found["eer"][r] == pytest.approx(metrics.eer(y, p), abs=1e-12)
        assert found["average_precision"][r] == pytest.approx(sk.average_precision_score(y, p))
        assert {k: a[r] for k, a in found.items()} == pytest.approx(metrics.evaluate(y, p))


def test_the_eer_of_many_samples_is_found_where_it_is():
    faces = some_faces(False, videos=120)
    draws = draw(faces, replicates=5)
    found = Scores.of(faces, "frame").replicate(draws)["eer"]
    slow = [
        metrics.eer(*drawn_rows(faces, times)[["label", "p_fake"]].T.to_numpy())
        for times in draws.counts
    ]
    assert found == pytest.approx(slow, abs=1e-12)


def test_a_draw_is_of_each_class_as_many_videos_as_there_are():
    faces = some_faces(False)
    draws = draw(faces, replicates=2000).counts
    fake = np.array(["swap" in name for name in sorted(faces["video"].unique())])
    assert (draws[:, fake].sum(axis=1) == 8).all()
    assert (draws[:, ~fake].sum(axis=1) == 7).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(15), abs=0.1)


def test_tests_that_share_videos_share_their_draws():
    first, second = some_faces(False), some_faces(False, forgery="warp", videos=7, seed=3)
    a, b = draw(first, replicates=50).counts, draw(second, replicates=50).counts
    assert (a[:, :7] == b[:, :7]).all()  # real sorts before either forgery
    assert (a[:, 7:] != b[:, 7:]).any()
    other = draw(some_faces(False, dataset="tox"), replicates=50).counts
    assert (other != a).any()


def clips(seed: int = 1, n_videos: int = 30, tied: bool = False):
    """Videos of 1 to 9 frames with a shared tendency, so that frames of a video are correlated."""
    rng = np.random.default_rng(seed)
    video = np.repeat(np.arange(n_videos), rng.integers(1, 10, n_videos))
    y = video % 3 != 0
    p = 1 / (1 + np.exp(-(rng.normal(size=n_videos)[video] + 0.3 * rng.normal(size=len(y)) + y)))
    shuffle = rng.permutation(len(y))
    p = np.round(p, 1) if tied else p
    names = np.char.add("v", video.astype(str))
    return as_faces(y[shuffle], p[shuffle], names[shuffle])


def as_faces(y, p, videos):
    columns = {"label": np.asarray(y, int), "p_fake": p, "video": videos}
    return pd.DataFrame(columns).assign(
        dataset="toy", domain=lambda faces: np.where(faces["label"] == 1, "swap", "real")
    )


@pytest.mark.parametrize("tied", [False, True])
def test_replicates_equal_metrics_of_explicitly_resampled_data(tied, monkeypatch):
    faces = clips(tied=tied)
    y, p, videos = (faces[name].to_numpy() for name in ("label", "p_fake", "video"))
    monkeypatch.setattr("ltw.metrics.bootstrap._CHUNK", 3 * len(y))  # 7 replicates in chunks of 3
    draws = draw(faces, 7, 5)
    got = {level: Scores.of(faces, level).replicate(draws) for level in metrics.LEVELS}
    names, v, scores = metrics.video_scores(y, p, videos)
    for r, times in enumerate(draws.counts):
        assert (times[v == 0].sum(), times[v == 1].sum()) == ((v == 0).sum(), (v == 1).sum())
        rows = [
            i
            for n, k in zip(names, times, strict=True)
            for i in np.flatnonzero(videos == n).tolist() * int(k)
        ]
        frame = metrics.evaluate(y[rows], p[rows])
        video = metrics.evaluate(np.repeat(v, times), np.repeat(scores, times))
        assert {k: a[r] for k, a in got["frame"].items()} == pytest.approx(frame, abs=1e-12)
        assert {k: a[r] for k, a in got["video"].items()} == pytest.approx(video, abs=1e-12)


def test_intervals_are_deterministic_and_hold_the_estimate():
    faces = clips()
    found = intervals(faces, draw(faces, 300, 3))
    assert found == intervals(faces, draw(faces, 300, 3))
    assert found != intervals(faces, draw(faces, 300, 4))
    assert intervals(faces) == intervals(faces, draw(faces))
    for name, value in metrics.evaluate(faces["label"], faces["p_fake"]).items():
        low, high = found["frame"][name]
        assert low <= value <= high
        if name in metrics.METRICS:
            assert low < value < high
    values = Scores.of(faces, "frame").replicate(draw(faces, 300, 3))["auc"]
    assert percentile_interval(values, confidence=0.5)[0] > found["frame"]["auc"][0]


def test_copies_of_a_frame_add_no_confidence():
    faces = clips()
    draws = draw(faces, 200)
    once, tenfold = intervals(faces, draws), intervals(pd.concat([faces] * 10), draws)
    for at in ("frame", "video"):
        for name in metrics.METRICS:
            assert tenfold[at][name] == pytest.approx(once[at][name], abs=1e-9)


def test_coverage_of_the_interval():
    """About 95 of 100 worlds' intervals hold the true AUC; resampling frames would not."""
    rng = np.random.default_rng(0)
    truth = 0.7602  # P(N(1, 2) > N(0, 2)) = Phi(1 / sqrt 2) with unit-variance video scores
    y = np.repeat(np.arange(120) % 2, 5)
    videos = np.char.add("v", np.repeat(np.arange(120), 5).astype(str))
    hits = 0
    for world in range(100):
        logits = np.repeat(rng.normal(size=120), 5) + y
        faces = as_faces(y, 1 / (1 + np.exp(-logits)), videos)
        low, high = intervals(faces, draw(faces, 200, world))["frame"]["auc"]
        hits += low <= truth <= high
    assert 88 <= hits <= 99


def test_paired_difference():
    faces = clips(n_videos=90)
    better = faces.assign(p_fake=np.clip(faces["p_fake"] + 0.08 * (2 * faces["label"] - 1), 0, 1))
    draws = draw(faces, 300)

    def difference(first, second, level, name):
        a, b = (Scores.of(table, level).replicate(draws)[name] for table in (first, second))
        return percentile_interval(b - a, draws.fewest)

    # although the two separate intervals overlap
    assert difference(faces, better, "frame", "auc")[0] > 0
    apart = [intervals(table, draws)["frame"]["auc"] for table in (faces, better)]
    assert apart[0][1] > apart[1][0]
    assert difference(faces, faces, "video", "log_loss") == (0, 0)


def test_one_video_of_a_class_has_no_interval():
    faces = as_faces([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], ["a", "a", "b", "c"])
    with pytest.raises(DataError, match="at least 2 real videos are needed, found 1"):
        intervals(faces)


def test_bootstrap_memory_does_not_grow_with_replicates():
    faces = clips(n_videos=400)
    scores = Scores.of(faces, "frame")
    peaks = []
    for replicates in (500, 2000):
        draws = draw(faces, replicates)
        tracemalloc.start()
        scores.replicate(draws)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 2**20


def test_the_interval_of_few_videos_is_wider_as_a_t_interval_is():
    values = np.random.default_rng(0).normal(size=200_001)
    wide = t.ppf(0.975, 9) * np.sqrt(10 / 9)
    low, high = percentile_interval(values, 10)
    assert (low, high) == pytest.approx((-wide, wide), abs=0.1)
    assert percentile_interval(values) == pytest.approx(norm.ppf([0.025, 0.975]), abs=0.02)


# People


def people_faces(names, videos=2, forgery="swap", seed=0):
    """Each person in ``videos`` real videos and in as many fakes, two frames a video."""
    rng = np.random.default_rng(seed)
    rows = [
        ("toy", domain, label, f"{domain}/{name}-{v}", name, rng.random())
        for label, domain in enumerate(("real", forgery))
        for name in names
        for v in range(videos)
        for _ in range(2)
    ]
    columns = ["dataset", "domain", "label", "video", "person", "p_fake"]
    return pd.DataFrame(rows, columns=columns)


NAMES = [f"p{k:02}" for k in range(metrics.MIN_PEOPLE)]


def test_people_are_drawn_with_all_their_videos_real_and_forged():
    faces = people_faces(NAMES)
    draws = draw(faces, replicates=500)
    assert (draws.unit, draws.units, draws.fewest) == ("person", len(NAMES), len(NAMES))
    videos = faces.drop_duplicates("video").sort_values("video")
    by_person = pd.DataFrame(draws.counts.T, index=videos["person"])
    assert (by_person.groupby(level=0).nunique() == 1).all(axis=None)
    times = by_person.groupby(level=0).first()
    assert (times.sum() == len(NAMES)).all()
    assert times.var(axis=1).mean() == pytest.approx(1 - 1 / len(NAMES), abs=0.1)
    found = Scores.of(faces, "frame").replicate(draws)
    for r in range(5):
        rows = drawn_rows(faces, draws.counts[r])
        slow = metrics.evaluate(rows["label"].to_numpy(), rows["p_fake"].to_numpy())
        assert {k: a[r] for k, a in found.items()} == pytest.approx(slow)


def test_a_forgery_counts_with_its_target_and_with_a_donor_of_several():
    people = people_faces(NAMES)
    target, n = people["person"], len(NAMES)
    following = {name: NAMES[(k + 1) % n] for k, name in enumerate(NAMES)}
    fake = people["label"] == 1
    twice = people.assign(donor_person=target.map(following).where(fake, ""))
    draws = draw(twice, 200)
    assert (draws.unit, draws.units, draws.fewest) == ("person", n, 2 * n)
    videos = twice.drop_duplicates("video").sort_values("video", ignore_index=True)
    times = {
        row.person: draws.counts[:, k].astype(int)
        for k, row in enumerate(videos.itertuples())
        if row.label == 0
    }
    for k, row in enumerate(videos.itertuples()):
        expected = times[row.person] * (times[row.donor_person] if row.label else 1)
        assert (draws.counts[:, k] == expected).all()

    # a donor of a single forgery has nothing in common with another one
    once = people_faces(NAMES, videos=1)
    donors = once["person"].map(following).where(once["label"] == 1, "")
    alone = once.assign(donor_person=donors)
    assert (draw(alone, 200).counts == draw(once, 200).counts).all()
    # two donors of all forgeries are too few to be drawn
    alone["donor_person"] = np.where(alone["label"] == 1, "d" + alone["video"].str[-4], "")
    few = draw(alone, 200)
    assert (few.unit, few.few_people) == ("video", n + alone["donor_person"].nunique() - 1)


def test_tests_that_share_people_share_their_draws():
    first, second = people_faces(NAMES), people_faces(NAMES, forgery="warp", videos=3, seed=1)
    a, b = draw(first, 50).counts, draw(second, 50).counts
    # sorted by name: every person's videos stand together
    assert (a[:, ::2] == b[:, ::3]).all()
    assert draw(first.sample(frac=1, random_state=0), 50).counts.tolist() == a.tolist()


def test_people_in_one_video_each_are_drawn_as_their_videos_are():
    faces = some_faces(False, videos=40)
    alone = faces.assign(person=faces["video"])
    assert (draw(alone, 50).counts == draw(faces, 50).counts).all()
    assert draw(alone, 50).unit == draw(faces, 50).unit == "video"


def test_a_person_with_one_real_video_and_forgeries_of_it_is_one_draw():
    faces = people_faces([f"{k:03}" for k in range(140)], videos=1)
    draws = draw(faces, 100)
    assert (draws.unit, draws.units, draws.few_people) == ("person", 140, 0)
    assert (draws.counts[:, :140] == draws.counts[:, 140:]).all()  # real/ sorts before swap/


@pytest.mark.parametrize(("videos", "few"), [(1, 0), (2, len(NAMES) - 1)])
def test_too_few_people_are_not_drawn_and_that_is_said(videos, few):
    """Of one video a person and class nothing is repeated, so nothing is narrow."""
    faces = people_faces(NAMES[1:], videos)
    draws = draw(faces, 50)
    assert (draws.unit, draws.units, draws.few_people) == (
        "video",
        2 * videos * len(NAMES[1:]),
        few,
    )
    assert (draws.counts == draw(faces.drop(columns="person"), 50).counts).all()
    assert draws.described == {
        "unit": "video",
        "units": draws.units,
        **({"few_people": few} if few else {}),
    }


def test_one_face_of_an_unknown_person_means_that_videos_are_drawn():
    faces = people_faces(NAMES)
    faces.loc[faces["video"] == faces["video"][0], "person"] = ""
    assert draw(faces, 50).unit == "video"


def test_people_of_few_fakes_are_too_few():
    """The interval rests on those who are forged, however many are not."""
    faces = people_faces([f"{k:03}" for k in range(100)])
    faces = faces[(faces["label"] == 0) | faces["person"].isin(["000", "001"])]
    assert draw(faces, 50).unit == "video"


def test_the_interval_widens_where_videos_of_a_person_are_alike():
    """Four equal videos of each person: as sure as one of each would be, and no surer."""
    rng = np.random.default_rng(0)
    names = [f"{k:03}" for k in range(60)]
    own = {(n, y): rng.normal() + y for n in names for y in (0, 1)}
    faces = people_faces(names, videos=4)
    logits = np.array([own[key] for key in zip(faces["person"], faces["label"], strict=True)])
    faces["p_fake"] = 1 / (1 + np.exp(-logits))
    one = faces[faces["video"].str.endswith("-0")]
    found, single = (intervals(table)["video"]["auc"] for table in (faces, one))
    assert found == pytest.approx(single, abs=1e-12)
    apart = intervals(faces.drop(columns="person"))["video"]["auc"]
    assert np.ptp(found) > 1.5 * np.ptp(apart)
