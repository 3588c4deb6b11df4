import json

import pytest


def test_the_plan_of_the_embedded_model(cli):
    outcome = cli("plan", "a2-tiny", "--gpu", "rtx4090,24GB")
    assert outcome.code == 0
    for word in ("transformer", "peak GiB", "placement", "resident", "memo"):
        assert word in outcome.out


def test_the_plan_as_json(cli):
    outcome = cli("plan", "a2-tiny", "--gpu", "8GB", "--exact", "--json")
    plan = json.loads(outcome.out)
    assert plan["plan"]["memo"] is False
    assert len(plan["plan"]["why"]) == 11
    assert all(plan["plan"]["why"].values())
    assert plan["peak_bytes"] < 2**30


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--gpu", "abacus"], "is not understood"),
        (["--exact", "--fast"], "exclude each other"),
        (["--references", "30"], "30 references need"),
        (["--gpu", "8GB", "--placement", "nowhere"], "placement 'nowhere' is unknown"),
    ],
)
def test_bad_wishes_are_refused_in_one_line(cli, flags, reason):
    outcome = cli("plan", "a2-tiny", *flags)
    assert outcome.code == 2
    assert reason in outcome.err


def test_a_gpu_that_is_too_small_ends_with_advice(cli):
    outcome = cli("plan", "a2-tiny", "--gpu", "0.01GB")
    assert outcome.code == 1
    assert "needs" in outcome.err
