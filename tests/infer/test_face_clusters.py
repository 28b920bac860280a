"""Who counts for a video's score, and faces of one frame stay apart."""

import numpy as np
import pytest

from ltw.infer.people import cluster_faces, seen_enough


@pytest.mark.parametrize(
    ("frames", "counts"),
    [
        ([32, 31, 8, 7, 1], [True, True, True, False, False]),
        ([3, 1], [True, False]),
        ([1, 1], [True, True]),
        ([], []),
    ],
)
def test_people_seen_a_quarter_as_often_as_the_most_seen_count(frames, counts):
    assert seen_enough(frames) == counts


def test_twins_in_one_frame_are_two_people_and_keep_their_seats():
    face = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    left, right = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)
    boxes = [left, right, right, left, left, right]
    numbers = cluster_faces([0, 0, 1, 1, 2, 2], boxes, np.stack([face] * 6))
    assert numbers == [0, 1, 1, 0, 0, 1]


def test_a_cut_to_somebody_else_in_the_same_seat_begins_a_new_person():
    dark, bright = np.full((32, 32, 3), 40, np.uint8), np.full((32, 32, 3), 200, np.uint8)
    numbers = cluster_faces([0, 1, 2, 3], [(0, 0, 9, 9)] * 4, np.stack([dark, dark, bright, dark]))
    assert numbers == [0, 0, 1, 0]
