"""Jobs from submission to the file, and what becomes of those whose worker dies."""

import os
import signal

import pytest
from served import until

from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.videos import read_video


def test_a_job_is_made_and_says_how(api, tmp_path):
    job = api.ended(api.submitted(seed=7, steps=3))
    assert job["status"] == "completed", job
    assert (job["seed"], job["num_inference_steps"], job["progress"]) == (7, 3, 100)
    path = tmp_path / "video.mp4"
    path.write_bytes(api.get(f"/v1/videos/{job['id']}/content").body)
    assert len(path.read_bytes()) == job["num_bytes"]
    assert read_video(path).spec.num_frames == 5
    manifest = Manifest.read(path)
    assert (manifest.seed, manifest.prompt) == (7, "@anna waves")


def test_progress_goes_step_by_step(api):
    video = api.submitted(prompt="@anna waves slow", steps=4)
    seen = []

    def watch():
        job = api.job(video)
        seen.append((job["step"], job["progress"]))
        return job["status"] == "completed"

    until(watch)
    assert {step for step, _ in seen} & {1, 2, 3}
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)
    assert api.get(api.job(video)["preview"]).body.startswith(b"\xff\xd8")


def test_a_running_job_is_cancelled_between_steps(api):
    video = api.submitted(prompt="@anna waves slow", steps=200)
    until(lambda: api.job(video)["step"] >= 1)
    assert api.ask("DELETE", f"/v1/videos/{video}").status == 200
    job = api.ended(video)
    assert job["status"] == "cancelled"
    assert api.get(f"/v1/videos/{video}/content").status == 409
    assert api.ended(api.submitted())["status"] == "completed"


def test_a_job_whose_worker_dies_is_tried_once_more(api):
    job = api.ended(api.submitted(prompt="@anna crashes once"))
    assert (job["status"], job["attempts_lost"]) == ("completed", 1)


def test_a_job_that_always_kills_its_worker_fails_with_the_reason(api):
    job = api.ended(api.submitted(prompt="@anna makes it crash"))
    assert (job["status"], job["attempts_lost"]) == ("failed", 1)
    assert job["error"]["type"] == "worker_crashed"
    assert "memory" in job["error"]["message"]
    assert api.ended(api.submitted())["status"] == "completed"


@pytest.mark.parametrize(
    ("prompt", "kind", "words"),
    [
        ("@anna breaks", "internal_error", "the composer broke"),
        ("@anna is hungry", "failed", "out of memory"),
    ],
)
def test_an_error_fails_the_job_and_not_the_worker(api, prompt, kind, words):
    job = api.ended(api.submitted(prompt=prompt))
    assert (job["status"], job["error"]["type"], job["attempts_lost"]) == ("failed", kind, 0)
    assert words in job["error"]["message"]


def test_a_worker_that_is_killed_is_replaced(start_server):
    server = start_server()
    video = server.api.submitted(prompt="@anna waves slow", steps=8)
    until(lambda: server.api.job(video)["step"] >= 1)
    os.kill(_worker_of(server), signal.SIGKILL)
    job = server.api.ended(video)
    assert (job["status"], job["attempts_lost"]) == ("completed", 1)


def test_a_worker_dies_with_its_server(start_server):
    server = start_server()
    worker = _worker_of(server)
    server.kill()
    until(lambda: not _is_running(worker))


def test_a_hook_refuses_requests_and_videos(start_server):
    server = start_server("--hook", "drawing:NoForbidden")
    refused = server.api.ended(server.api.submitted(prompt="@anna does what is forbidden"))
    assert refused["error"]["type"] == "content_refused"
    assert "no such videos" in refused["error"]["message"]
    shown = server.api.ended(server.api.submitted(seed=13))
    assert shown["error"]["type"] == "content_refused"
    assert server.api.ended(server.api.submitted(seed=14))["status"] == "completed"


def test_the_real_pipeline_serves(start_server, model_folder, tmp_path):
    server = start_server("--model", model_folder, drawing=False)
    video = server.api.submitted(seed=3, num_frames=5)
    job = server.api.ended(video)
    assert job["status"] == "completed", job
    path = tmp_path / "video.mp4"
    path.write_bytes(server.api.get(f"/v1/videos/{video}/content").body)
    assert read_video(path).spec.num_frames == 5
    assert server.api.get(f"/v1/videos/{video}/preview").status == 200


def _worker_of(server):
    """Process id of the worker: the child that holds the model."""
    import psutil

    children = psutil.Process(server.process.pid).children()
    spawned = [c for c in children if "spawn_main" in " ".join(c.cmdline())]
    # The other one decodes pictures, limits its memory for that, and may have come first.
    unlimited = [c for c in spawned if c.rlimit(psutil.RLIMIT_AS)[0] == psutil.RLIM_INFINITY]
    return min(unlimited, key=lambda child: child.create_time()).pid


def _is_running(pid):
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
