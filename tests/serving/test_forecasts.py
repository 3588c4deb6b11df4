"""What a request is said to take, before and after the planner has counted."""

import base64

import psutil
import pytest
from drawing import drawing_model
from served import PATIENCE, png, until

from skyreels_a2.elements import Role
from skyreels_a2.request import Sampling
from skyreels_a2.serving.forecasts import Forecaster
from skyreels_a2.serving.jobs import Order, OrderedElement
from skyreels_a2.serving.models import Forecast
from skyreels_a2.video import VideoSpec

CUP = {
    "role": "object",
    "image": "data:image/png;base64," + base64.b64encode(png()).decode(),
}


@pytest.fixture(scope="module")
def ask():
    """Forecasts of the drawing model, waited for."""
    forecaster = Forecaster("cpu")

    def call(*, wait=True, **changes):
        def once():
            return forecaster.ask(drawing_model(), order(**changes))

        return until(once) if wait else once()

    yield call
    forecaster.close()


def order(width=32, **changes):
    cup = OrderedElement(role=Role.OBJECT, pictures=("0.png",), name="cup")
    spec = VideoSpec(width, 32, 5, 8.0)
    settings = {"prompt": "a @cup", "elements": (cup,), "spec": spec, "seed": 0}
    return Order(**{**settings, "sampling": Sampling(num_inference_steps=2), **changes})


def at_least(number, found):
    return found if len(found) >= number else None


def test_a_forecast_is_there_when_asked_again(ask):
    assert ask(wait=False) is None
    assert ask() == Forecast(memory=32 * 2**20, seconds=7.0)
    # Neither seed nor prompt change what it takes: known at once.
    assert ask(wait=False, seed=5, prompt="the @cup").memory == 32 * 2**20
    assert ask(wait=False, width=64) is None
    assert ask(width=64).memory == 64 * 2**20


def test_what_cannot_be_counted_is_not_known_and_stops_nothing(ask):
    assert ask(width=224) == Forecast()  # an error
    assert ask(width=240) == Forecast()  # its process is killed
    assert ask(width=96).memory == 96 * 2**20


def test_many_sizes_at_once_are_not_all_counted(ask):
    for width in range(16, 16 * 41, 16):
        ask(wait=False, width=width, seed=1)
    assert ask(width=16).memory == 16 * 2**20


def test_the_planners_word_is_in_the_check(start_server):
    api = start_server().api
    asked = {"prompt": "a cup", "num_frames": 5, "input_references": [CUP]}

    def check(**changes):
        def once():
            told = api.ask("POST", "/v1/videos/check", {**asked, **changes}).json
            return None if told["counting"] else told

        return until(once)

    told = check()
    assert (told["memory_bytes"], told["seconds_to_make"]) == (32 * 2**20, 7.0)
    assert not told["measured"]
    too_wide = check(size="512x32")
    assert too_wide["memory_bytes"] is None
    assert "use a smaller size" in too_wide["remarks"][-1]


def test_a_killed_server_leaves_no_process(start_server):
    server = start_server()
    server.api.ask("POST", "/v1/videos/check", {"prompt": "a cup", "input_references": [CUP]})
    children = until(lambda: at_least(3, psutil.Process(server.process.pid).children()))
    server.kill()
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
