import pandas as pd
import pytest

from ltw.data import selection
from ltw.errors import DataError

# dataset, domain, compression, split; the row's number is the face
FACES = [
    ("ff", "real", "c23", "train"),  # 0
    ("ff", "real", "c40", "train"),
    ("ff", "real", "c23", "val"),
    ("ff", "real", "c23", "test"),
    ("ff", "swap", "c23", "train"),  # 4
    ("ff", "swap", "c40", "train"),
    ("ff", "swap", "c23", "val"),
    ("ff", "swap", "c23", "test"),
    ("ff", "mouth", "c23", "train"),  # 8
    ("ff", "mouth", "c23", "val"),
    ("celeb", "real", "c23", "train"),  # 10
    ("celeb", "real", "c23", "test"),
    ("celeb", "synthesis", "c23", "test"),
    ("ff", "unlabelled", "c23", "train"),  # 13
    ("ff", "real", "raw", "train"),  # 14: no forgery was kept at this compression
]


@pytest.fixture
def records():
    table = pd.DataFrame(FACES, columns=["dataset", "domain", "compression", "split"])
    label = table["domain"].map({"real": 0, "unlabelled": -1}).fillna(1).astype(int)
    return table.assign(label=label)


@pytest.mark.parametrize(
    ("sources", "compression", "split", "expected"),
    [
        (["swap", "mouth"], None, "train", [0, 1, 4, 5, 8]),
        (["swap", "mouth"], "c23", "train", [0, 4, 8]),
        (["swap"], "c40", "train", [1, 5]),
        (["mouth"], None, "train", [0, 8]),  # its reals are those at its compression
        (["swap", "mouth"], None, "val", [2, 6, 9]),
    ],
)
def test_sources_come_with_the_reals_of_their_data_set_and_compression(
    records, sources, compression, split, expected
):
    rows = selection.source_faces(records, sources, compression, split)
    assert rows.tolist() == expected


@pytest.mark.parametrize(
    ("domains", "expected"),
    [([], [3, 7, 11, 12]), (["swap"], [3, 7]), (["synthesis"], [11, 12])],
)
def test_test_faces_are_of_the_test_split_alone(records, domains, expected):
    assert selection.evaluation_faces(records, domains, None).tolist() == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: selection.source_faces(r, ["swp"], None, "train"), "'swp'.*did you mean 'swap'"),
        (lambda r: selection.source_faces(r, ["unlabelled"], None, "train"), "source 'unlabelled'"),
        (lambda r: selection.source_faces(r, ["real"], None, "train"), "source 'real'"),
        (lambda r: selection.source_faces(r, ["swap"], "c24", "train"), "compression 'c24'"),
        (
            lambda r: selection.source_faces(r, ["swap", "synthesis"], None, "train"),
            "'synthesis' has no face in split 'train'; splits in the store: test, train, val",
        ),
        (lambda r: selection.source_faces(r, ["mouth"], "c40", "train"), "source 'mouth' has no"),
        (
            lambda r: selection.evaluation_faces(r, ["swap", "mouth"], None),
            "domain 'mouth' has no face",
        ),
        (lambda r: selection.evaluation_faces(r, [], "c40"), "no fake of any forgery"),
        (
            lambda r: selection.source_faces(r.drop(index=[0, 1]), ["swap"], None, "train"),
            "no real face in split 'train' of ff",
        ),
    ],
)
def test_what_is_not_there_is_said(records, call, message):
    with pytest.raises(DataError, match=message):
        call(records)


def test_a_data_set_of_one_level_is_tested_on_whatever_level_was_trained_on(records):
    """Trained on FaceForensics++ at c23, tested on Celeb-DF, which has no levels (GCD)."""
    celeb = records["dataset"] == "celeb"
    records.loc[celeb, "compression"] = "unknown"
    assert selection.evaluation_faces(records, ["synthesis"], "c23").tolist() == [11, 12]
    assert selection.evaluation_faces(records[celeb], ["synthesis"], "c23").tolist() == [11, 12]
    assert selection.source_faces(records, ["swap"], "c23", "train").tolist() == [0, 4]
