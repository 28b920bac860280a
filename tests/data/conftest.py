import pytest
from blobs import detect_squares

from ltw import faces
from ltw.data import extract
from ltw.progress import show_log


@pytest.fixture
def squares_are_faces(monkeypatch):
    """Replace MTCNN, and extract in this process, which alone knows of that."""
    monkeypatch.setattr(faces, "detect_faces", detect_squares)
    monkeypatch.setattr(
        extract, "map_unordered", lambda work, items, **_: enumerate(map(work, items))
    )


@pytest.fixture(autouse=True)
def log_on_standard_error():
    """As the command line has it: what a reader leaves out is read there."""
    show_log()
