"""Every pairing rule on a small table, against the rules written out as filters over it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from ltw.data.pairing import Pairing, epoch_batches, meta_split
from ltw.errors import DataError

DOMAINS = ("expression", "mouth", "swap")
PEOPLE = ("a", "b", "c")
REAL_FRAMES = {"a": (0, 10, 20, 30), "b": (0, 20), "c": (7,)}
FAKE_FRAMES = {"expression": (0, 5, 10), "mouth": (15, 40), "swap": (20, 21)}


def row(domain, shown, donor="", frame=0, dataset="toy", compression="c23", **fields):
    name = f"{shown}_{donor}" if donor else shown
    return {
        "dataset": dataset,
        "domain": domain,
        "label": int(domain != "real"),
        "compression": compression,
        "video": f"{dataset}/{domain}/{compression}/{name}",
        "split": "train",
        "person": shown,
        "source_video": shown,
        "frame": frame,
    } | fields


def table() -> pd.DataFrame:
    """Two data sets at two compressions; everyone is forged with everyone, in other frames."""
    rows = []
    for dataset, compression in itertools.product(("toy", "other"), ("c23", "c40")):
        at = {"dataset": dataset, "compression": compression}
        for person in PEOPLE:
            rows += [row("real", person, frame=f, **at) for f in REAL_FRAMES[person]]
        for domain, (a, b) in itertools.product(DOMAINS, itertools.permutations(PEOPLE, 2)):
            rows += [row(domain, a, b, frame=f, **at) for f in FAKE_FRAMES[domain]]
    return pd.DataFrame(rows)


def allowed(records: pd.DataFrame, face: int, meta_test: tuple[str, ...]) -> set[int]:
    """The rows that the rules allow as counterpart: of each fitting video, the nearest frame."""
    x = records.loc[face]
    same = records[
        (records["dataset"] == x["dataset"])
        & (records["compression"] == x["compression"])
        & (records["source_video"] == x["source_video"])
        & records["domain"].isin(meta_test if x["domain"] == "real" else ["real"])
    ]
    best = {}
    for index, y in same.sort_values("frame", ascending=False).iterrows():
        distance = abs(y["frame"] - x["frame"])
        if distance <= best.get(y["video"], (np.inf, 0))[0]:  # of two as near, the earlier
            best[y["video"]] = (distance, index)
    return {index for _, index in best.values()}


def draws(pairing, face, meta_test, n=60, seed=0):
    rng = np.random.default_rng(seed)
    return {pairing.counterpart(face, meta_test, rng) for _ in range(n)}


def strangers(records: pd.DataFrame, face: int, meta_test: tuple[str, ...]) -> set[int]:
    """The rows that "other person" allows: of each video of other people, the nearest frame."""
    x = records.loc[face]
    people = {x["person"], x.get("donor_person", "")} - {""}
    same = records[
        (records["dataset"] == x["dataset"])
        & (records["compression"] == x["compression"])
        & records["domain"].isin(meta_test if x["domain"] == "real" else ["real"])
        & ~records["person"].isin(people)
        & ~records["donor_person"].isin(people)
    ]
    best = {}
    for index, y in same.sort_values("frame", ascending=False).iterrows():
        distance = abs(y["frame"] - x["frame"])
        if distance <= best.get(y["video"], (np.inf, 0))[0]:
            best[y["video"]] = (distance, index)
    return {index for _, index in best.values()}


META_TESTS = [s for n in (1, 2) for s in itertools.combinations(DOMAINS, n)]


@pytest.mark.parametrize("meta_test", META_TESTS, ids="+".join)
def test_every_face_gets_every_counterpart_that_the_rules_allow_and_no_other(meta_test):
    records = table()
    pairing = Pairing(records)
    for face in records.index:
        expected = allowed(records, face, meta_test)
        assert expected
        found = draws(pairing, face, meta_test, 60 if records["label"][face] == 0 else 3)
        assert found == expected
        assert (records.loc[list(found), "label"] == 1 - records["label"][face]).all()
    assert pairing.fallbacks == {"person": 0, "any": 0}


@pytest.mark.parametrize(
    ("frame", "partner"), [(0, 0), (10, 10), (4, 0), (5, 0), (6, 10), (99, 30)]
)
def test_same_frame_else_the_nearest_the_earlier_of_two(frame, partner):
    """The examples behind the oracle above, by hand; the real's rows lie in no order."""
    reals = [row("real", "a", frame=f) for f in (30, 10, 0, 20)]
    records = pd.DataFrame([row("swap", "a", "b", frame=frame), *reals])
    (found,) = draws(Pairing(records), 0, (), 3)
    assert records["frame"][found] == partner


def test_meta_test_domains_and_videos_are_drawn_evenly_whatever_their_size():
    many = [row("mouth", "a", "b", frame=f) for f in range(50)]
    records = pd.DataFrame([row("real", "a"), *many, row("swap", "a", "b"), row("swap", "a", "c")])
    pairing, rng = Pairing(records), np.random.default_rng(0)
    found = [pairing.counterpart(0, ("mouth", "swap"), rng) for _ in range(2000)]
    shares = records.loc[found, "video"].value_counts(normalize=True)
    assert shares["toy/mouth/c23/a_b"] == pytest.approx(0.5, abs=0.05)
    assert shares["toy/swap/c23/a_b"] == pytest.approx(0.25, abs=0.05)


def test_without_the_video_the_person_is_taken_then_anyone_and_both_are_counted():
    other_take = row("real", "a", source_video="a2")
    records = pd.DataFrame([row("swap", "a", "b"), other_take, row("real", "c")])
    pairing = Pairing(records)
    assert draws(pairing, 0, (), 5) == {1}
    assert pairing.fallbacks == {"person": 5, "any": 0}

    records = pd.DataFrame([row("swap", "a", "b"), row("real", "b"), row("real", "c")])
    pairing = Pairing(records)
    assert draws(pairing, 0, (), 20) == {1, 2}
    assert pairing.fallbacks == {"person": 0, "any": 20}


def test_a_real_falls_back_within_the_meta_test_domains_only():
    near_but_meta_train = row("mouth", "a", "b")
    records = pd.DataFrame([row("real", "a"), near_but_meta_train, row("swap", "c", "b")])
    pairing = Pairing(records)
    assert draws(pairing, 0, ("swap",), 5) == {2}
    assert pairing.fallbacks == {"person": 0, "any": 5}


@pytest.mark.parametrize("column", ["source_video", "person"])
def test_an_unknown_video_or_person_is_nobody(column):
    """Two empty names are not the same name: the fallback is counted, not hidden."""
    unknown = {"source_video": "", "person": ""} if column == "person" else {"source_video": ""}
    records = pd.DataFrame([row("swap", "a", "b", **unknown), row("real", "c", **unknown)])
    pairing = Pairing(records)
    assert draws(pairing, 0, (), 4) == {1}
    assert pairing.fallbacks == {"person": 0, "any": 4}


@pytest.mark.parametrize("elsewhere", [{"dataset": "other"}, {"compression": "c40"}])
def test_no_counterpart_in_the_same_data_set_and_compression_is_an_error(elsewhere):
    records = pd.DataFrame([row("swap", "a", "b", frame=7), row("real", "a", **elsewhere)])
    pairing, rng = Pairing(records), np.random.default_rng(0)
    with pytest.raises(DataError, match=r"toy/swap/c23/a_b, frame 7: .* domain 'real'"):
        pairing.counterpart(0, (), rng)
    with pytest.raises(DataError, match=r"domain 'mouth' or 'swap' in the same data set"):
        pairing.counterpart(1, ("mouth", "swap"), rng)


@pytest.mark.parametrize(("n", "n_train"), [(2, 1), (3, 2), (4, 2), (5, 3)])
def test_meta_split_uses_every_domain_once_and_comes_to_every_split(n, n_train):
    sources = list("abcde")[:n]
    splits = set()
    for seed in range(300):
        train, test = meta_split(sources, np.random.default_rng(seed))
        assert len(train) == n_train
        assert sorted(train + test) == sources
        splits.add(frozenset(train))
    assert splits == {frozenset(s) for s in itertools.combinations(sources, n_train)}


def test_one_domain_cannot_be_split():
    with pytest.raises(DataError, match=r"\['swap'\].* at least two.*'alltrain'"):
        meta_split(["swap"], np.random.default_rng(0))


def plan(records, *, steps=12, batch_size=7, paired=True, seed=0, sources=DOMAINS, faces=None):
    faces = records.index.to_numpy() if faces is None else faces
    options = {"steps": steps, "batch_size": batch_size, "paired": paired}
    rng = np.random.default_rng(seed)
    return list(epoch_batches(Pairing(records), faces, sources, **options, rng=rng))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("batch_size", "n_fake"), [(2, 1), (7, 4), (8, 4), (25, 13)])
def test_batches_are_half_real_half_fake(batch_size, n_fake, paired):
    label = table()["label"].to_numpy()
    batches = plan(table(), batch_size=batch_size, paired=paired)
    assert len(batches) == 12
    for batch in batches:
        assert len(batch.faces) == batch_size
        assert label[batch.faces].sum() == n_fake


@pytest.mark.parametrize("sources", [DOMAINS[:2], DOMAINS])
@pytest.mark.parametrize("seed", range(6))
def test_paired_batches_keep_meta_train_and_meta_test_apart(seed, sources):
    records = table()
    domain, label = (records[c].to_numpy() for c in ("domain", "label"))
    trained, tested = set(), set()
    for batch in plan(records, seed=seed, sources=sources, steps=30):
        assert (label[batch.counterparts] == 1 - label[batch.faces]).all()
        trained |= set(domain[batch.faces])
        tested |= set(domain[batch.counterparts])
        for face, partner in zip(batch.faces, batch.counterparts, strict=True):
            assert partner in allowed(records, face, sources)
    assert trained & tested == {"real"}
    assert trained | tested == {"real", *sources}
    assert len(trained - {"real"}) == (len(sources) + 1) // 2


def test_unpaired_batches_draw_from_all_sources_and_have_no_counterparts():
    records = table()
    sources = DOMAINS[:2]
    batches = plan(records, paired=False, sources=sources, steps=30)
    assert all(batch.counterparts is None for batch in batches)
    drawn = np.concatenate([batch.faces for batch in batches])
    assert set(records["domain"][drawn]) == {"real", *sources}


@pytest.mark.parametrize("paired", [True, False])
def test_a_pool_is_gone_through_before_any_face_repeats(paired):
    records = table()
    label = records["label"].to_numpy()
    drawn = np.concatenate([b.faces for b in plan(records, paired=paired, steps=100)])
    for pool in (drawn[label[drawn] == 0], drawn[label[drawn] == 1]):
        size = len(set(pool))
        rounds = [pool[i : i + size] for i in range(0, len(pool) - size + 1, size)]
        assert len(rounds) > 1
        assert all(len(set(one)) == size for one in rounds)
        assert not np.array_equal(rounds[0], rounds[1])  # in another order each time


def test_only_the_faces_given_are_drawn():
    records = table()
    faces = records.index[records["compression"] == "c23"].to_numpy()
    drawn = np.concatenate([batch.faces for batch in plan(records, faces=faces, steps=40)])
    assert set(drawn) <= set(faces)


def test_a_plan_is_its_seed():
    first, again, other = (plan(table(), seed=seed) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.faces, b.faces)
        assert np.array_equal(a.counterparts, b.counterparts)
    assert any(not np.array_equal(a.faces, b.faces) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("missing", ["real", "swap"])
def test_an_empty_pool_is_an_error_and_no_endless_search(missing):
    records = table().query("domain != @missing").reset_index(drop=True)
    with pytest.raises(DataError, match=f"no face of domain {missing}"):
        plan(records, paired=False, sources=["swap"])


# Other people


def with_donors() -> pd.DataFrame:
    """`table` with the people that forgeries are made from."""
    records = table()
    names = records["video"].str.rsplit("/", n=1).str[-1].str.split("_")
    return records.assign(donor_person=names.str[1].fillna(""))


@pytest.mark.parametrize("meta_test", META_TESTS, ids="+".join)
def test_another_person_is_anybody_that_the_face_is_not_made_of(meta_test):
    records = with_donors()
    pairing, rng = Pairing(records), np.random.default_rng(0)
    for face in records.index[records["dataset"] == "toy"]:
        expected = strangers(records, face, meta_test)
        assert expected
        found = {
            pairing.counterpart(face, meta_test, rng, "other person")
            for _ in range(60 if records["label"][face] == 0 else 12)
        }
        assert found == expected
        assert not found & allowed(records, face, meta_test)


def test_without_names_another_video_is_another_person():
    unknown = {"person": "", "donor_person": ""}
    rows = [row("swap", "a", "b", **unknown), row("real", "a", **unknown)]
    records = pd.DataFrame([*rows, row("real", "c", **unknown)])
    rng = np.random.default_rng(0)
    assert {Pairing(records).counterpart(0, (), rng, "other person") for _ in range(9)} == {2}
    with pytest.raises(DataError, match=r"'real' shows another person .* 'same video'"):
        Pairing(pd.DataFrame(rows)).counterpart(0, (), rng, "other person")


def test_a_second_set_of_counterparts_leaves_faces_and_the_first_set_alone_in_the_first_batch():
    records = with_donors()
    options = {"steps": 9, "batch_size": 7, "paired": True}

    def batches(*pairings):
        rng = np.random.default_rng(3)
        rows = records.index.to_numpy()
        return list(
            epoch_batches(Pairing(records), rows, DOMAINS, **options, rng=rng, pairings=pairings)
        )

    one, two = batches("same video"), batches("same video", "other person")
    assert all(batch.weight_counterparts is None for batch in one)
    assert np.array_equal(one[0].faces, two[0].faces)
    assert np.array_equal(one[0].counterparts, two[0].counterparts)
    for batch in two:
        sets = (batch.counterparts, batch.weight_counterparts)
        for face, partner, other in zip(batch.faces, *sets, strict=True):
            assert partner in allowed(records, face, DOMAINS)
            assert other in strangers(records, face, DOMAINS)
    places = np.arange(len(records))[::-1]
    moved = two[0].of(places)
    assert np.array_equal(moved.weight_counterparts, places[two[0].weight_counterparts])
    assert one[0].of(places).weight_counterparts is None
