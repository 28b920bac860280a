"""Requests made up from the service's own schema never break it, and answers keep to it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from services import command

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def url(model):
    config = {"limits": {"frames": 2}}
    with command(model, "--workers", "1", "--queue", "1000", config=config) as service:
        yield service.url


@st.composite
def damaged(draw, contents):
    """A real file, maybe cut off, maybe with a few bytes overwritten."""
    content = bytearray(draw(st.sampled_from(contents)))
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.sampled_from([len(content), len(content) // 2, 40]))])


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_service(url, files, mode):
    contents = [(files / name).read_bytes() for name in ("photo.png", "clip.mp4", "nobody.png")]
    schemathesis.openapi.format("binary", damaged(contents) | st.binary(max_size=200))
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    tried = set()

    def check(case):
        answer = case.call_and_validate(checks=CHECKS)
        tried.add((case.operation.label, answer.status_code))

    for operation in (result.ok() for result in schema.get_all_operations()):
        if mode is GenerationMode.POSITIVE or "requestBody" in operation.definition.raw:
            EXAMPLES(given(operation.as_strategy(generation_mode=mode))(check))()
    expected = (200, 415, 422) if mode is GenerationMode.POSITIVE else (400,)
    assert tried >= {("POST /api/predict", status) for status in expected}
