"""Run folders shared by the report's tests."""

import pytest
from fabricated import run_folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Run folders of ERM and LTW, never changed by a test."""
    root = tmp_path_factory.mktemp("runs")
    return {method: run_folder(root / method, method) for method in ("alltrain", "ltw")}
