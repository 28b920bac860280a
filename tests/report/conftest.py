"""A suite shared by the tests of pages."""

import pytest
from fabricated import fabricate


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """The folder of a suite with a run of ERM and one of LTW, never changed by a test."""
    return fabricate(tmp_path_factory.mktemp("compared"))
