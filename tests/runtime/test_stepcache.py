import pytest

from skyreels_a2.errors import SamplingError
from skyreels_a2.runtime.stepcache import STEP_CACHES, parse_step_cache


@pytest.mark.parametrize("name", STEP_CACHES)
def test_a_name_alone_has_a_dial(name):
    assert parse_step_cache(name, ratios=[1.0]).chosen_dial > 0


def test_a_dial_is_kept():
    assert str(parse_step_cache("fbc:0.2")) == "fbc:0.2"
    assert parse_step_cache(None) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tea", "use fbc, mag, sea, taylor"),
        ("fbc:lots", "is no number"),
        ("fbc:-1", "above 0"),
        ("fbc:nan", "above 0"),
        ("taylor:1", "from 2"),
        ("mag", "calibrate"),
    ],
)
def test_what_cannot_be_is_refused(text, reason):
    with pytest.raises(SamplingError, match=reason):
        parse_step_cache(text)
