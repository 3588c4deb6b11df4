import pytest

from skyreels_a2.errors import InputError
from skyreels_a2.training.config import Optim, TrainConfig


def test_settings_replace_values_by_name():
    config = TrainConfig().with_settings(["optim.lr=1e-5", "loop.steps=7", "loop.precision=fp32"])
    assert (config.optim.lr, config.loop.steps, config.loop.precision) == (1e-5, 7, "fp32")


def test_blocks_in_pieces_are_not_compiled():
    TrainConfig().with_settings(["loop.compile=true"])
    with pytest.raises(InputError, match="do not go together"):
        TrainConfig().with_settings(["loop.compile=true", "loop.sharded=true"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optim.speed=1", "optim.lr"),
        ("lr=1", "no setting"),
        ("optim.lr", "no setting"),
        ("optim.lr=-1", "greater than 0"),
        ("loop.steps=many", "loop.steps"),
        ("loop.precision=int8", "bf16"),
    ],
)
def test_wrong_settings_say_what_is_allowed(setting, message):
    with pytest.raises(InputError, match=message):
        TrainConfig().with_settings([setting])


def test_the_rate_rises_then_falls_to_a_tenth():
    optim = Optim(lr=1.0, warmup_steps=10)
    rates = [optim.lr_at(step, 100) for step in range(100)]
    assert rates[0] == 0.1
    assert rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_muon_is_refused_where_matrices_are_in_pieces():
    Optim().check_sharded()
    with pytest.raises(InputError, match="adamw"):
        Optim(name="muon").check_sharded()
