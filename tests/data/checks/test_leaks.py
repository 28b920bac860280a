import pandas as pd

from ltw.data.checks.leaks import Shared, people_in_two_splits, shared_people

COLUMNS = ["dataset", "video", "split", "person", "source_video", "donor_person", "donor_video"]


def table(*rows: str) -> pd.DataFrame:
    """Rows such as ``"ff A_B train a A b B"``; ``-`` is an empty name."""
    values = [["" if word == "-" else word for word in row.split()] for row in rows]
    return pd.DataFrame(values, columns=COLUMNS)


CELEB_TRAIN = table(
    "celeb id0_1 train id0 id0_1 - -",
    "celeb id0_1 train id0 id0_1 - -",  # another face of the same video
    "celeb id1_id2_1 train id1 id1_1 id2 -",
)
CELEB_TEST = table("celeb id0_7 test id0 id0_7 - -", "celeb id2_id3_1 test id2 id2_1 id3 -")
FF = table("ff 001 train 001 001 - -", "ff 001_002 train 001 001 002 002")


def test_people_in_two_splits_are_found_as_shown_and_as_donor():
    leaks = people_in_two_splits(pd.concat([CELEB_TRAIN, FF, CELEB_TEST]))
    assert leaks == [("celeb", "id0", ("test", "train")), ("celeb", "id2", ("test", "train"))]
    assert str(leaks[0]) == "id0 of celeb (test, train)"
    assert people_in_two_splits(pd.concat([CELEB_TRAIN, FF])) == []


def test_names_of_other_data_sets_and_unknown_ones_are_nobody():
    one = table("a v train x x_1 - -", "a w train - - - -")
    two = table("b v test x x_1 - -", "a z test - - - -")
    assert people_in_two_splits(pd.concat([one, two])) == []
    assert shared_people(one, two) == []


def test_shared_people_are_those_on_both_sides_whatever_their_splits():
    assert shared_people(CELEB_TRAIN, CELEB_TEST) == [
        Shared("celeb", "person", "id0", "id0_1", "id0_7"),
        Shared("celeb", "person", "id2", "id1_id2_1", "id2_id3_1"),
    ]
    # a data set that leaks in itself is a fair test of what was trained elsewhere
    assert shared_people(FF, pd.concat([CELEB_TRAIN, CELEB_TEST])) == []
    assert shared_people(FF, FF.assign(split="test"))[0].name == "001"
    (leak, _) = shared_people(FF, table("ff 002_009 test 002 002 009 009", "ff 1 test 001 1 - -"))
    assert str(leak) == "person 001 of ff (trained on in 001, tested on in 1)"


def test_source_videos_are_compared_where_people_are_not_known():
    training = table("d fake_1 train - film - -", "d other train - other - -")
    testing = table("d fake_2 test - y - film")
    assert shared_people(training, testing) == [
        Shared("d", "source video", "film", "fake_1", "fake_2")
    ]
    assert [leak.kind for leak in shared_people(FF, FF)] == ["person", "person"]  # not said twice


def test_nobody_is_shared_with_no_rows():
    assert shared_people(FF, FF.iloc[:0]) == []
    assert people_in_two_splits(FF.iloc[:0]) == []
