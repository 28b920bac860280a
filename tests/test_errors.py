import pytest

from ltw.errors import ConfigError, DataError, LTWError, did_you_mean


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("epoch", "; did you mean 'epochs'?"),
        ("lerning_rate", "; did you mean 'learning_rate'?"),
        ("xyz", "; allowed: device, epochs, learning_rate"),
        ("", "; allowed: device, epochs, learning_rate"),
    ],
)
def test_the_nearest_name_or_all_of_them(name, expected):
    assert did_you_mean(name, {"learning_rate", "epochs", "device"}) == expected


def test_every_error_a_user_may_cause_is_caught_as_one():
    assert issubclass(ConfigError, LTWError)
    assert issubclass(DataError, LTWError)
