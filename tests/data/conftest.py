import pytest
from blobs import detect_squares

from ltw import faces


@pytest.fixture
def squares_are_faces(monkeypatch):
    """Replace MTCNN in this process; extraction must then run with ``workers=1``."""
    monkeypatch.setattr(faces, "detect_faces", detect_squares)
