import numpy as np
import pytest

from skyreels_a2.errors import SamplingError
from skyreels_a2.pipeline.checkpoints import Checkpoint


class StopError(Exception):
    """As if the process had been killed."""


def stop_after(steps):
    def watch(phase, done, total):
        if phase == "sample" and done == steps:
            raise StopError

    return watch


@pytest.mark.parametrize("scheduler", ["unipc", "euler", "euler-ancestral", "dpm++"])
def test_a_stopped_run_goes_on_to_the_same_frames(
    pipeline, request_of, frames_of, tmp_path, scheduler
):
    asked = request_of(steps=6, scheduler=scheduler)
    whole = frames_of(pipeline, asked)
    state = Checkpoint(tmp_path / "state", 2, "this video")
    with pytest.raises(StopError):
        frames_of(pipeline, asked, checkpoint=state, on_progress=stop_after(5))
    steps = []
    again = frames_of(
        pipeline,
        asked,
        checkpoint=state,
        on_progress=lambda phase, done, _: steps.append(done) if phase == "sample" else None,
    )
    assert steps == [5, 6]
    assert np.array_equal(again, whole)


@pytest.mark.parametrize("damage", ["another", "torn"])
def test_a_foreign_or_torn_state_begins_anew(
    pipeline, request_of, frames_of, tmp_path, caplog, damage
):
    asked = request_of(steps=2)
    path = tmp_path / "state"
    state = Checkpoint(path, 1, "one video")
    with pytest.raises(StopError):
        frames_of(pipeline, asked, checkpoint=state, on_progress=stop_after(2))
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:100])
    name = "another video" if damage == "another" else "one video"
    frames = frames_of(pipeline, asked, checkpoint=Checkpoint(path, 1, name))
    assert "starting anew" in caplog.text
    assert np.array_equal(frames, frames_of(pipeline, asked))


def test_every_0_steps_is_refused(tmp_path):
    with pytest.raises(SamplingError, match="use 1 or more"):
        Checkpoint(tmp_path / "state", 0, "x")
