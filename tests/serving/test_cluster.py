"""Replicas on a real Ray cluster with a real PostgreSQL: one is killed, nothing is lost."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from served import until

pytest.importorskip("ray.serve", reason="Ray Serve is not installed: pip install 'ray[serve]'")

NUM_JOBS = 12
PATHS = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


def replicas(server):
    """Replica processes of a server's cluster, by what Ray calls them."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        command = " ".join(process.info["cmdline"] or [])
        if command.startswith("ray::ServeReplica") and _is_ours(process, server):
            found.append(process.pid)
    return found


def _is_ours(process, server):
    return (process.info["environ"] or {}).get("A2_TEST") == server.mark


def test_a_replica_killed_under_load_loses_nothing(start_server, postgres_url, monkeypatch):
    mark = str(os.getpid())
    monkeypatch.setenv("A2_TEST", mark)
    server = start_server(
        *("--ray", "--replicas", "2", "--database", postgres_url, "--device", "cpu"),
        environment={
            "DRAWING_STEP_SECONDS": "0.3",
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": PATHS,
        },
    )
    server.mark = mark
    try:
        lose_a_replica(server)
    finally:
        server.end()  # kill -9 would leave Ray's own processes


def lose_a_replica(server):
    until(lambda: len(replicas(server)) == 2)
    accepted = {server.api.submitted(seed=seed): seed for seed in range(NUM_JOBS)}
    until(lambda: server.api.get("/healthz").json["running"] == 2)
    killed = replicas(server)[0]
    os.kill(killed, signal.SIGKILL)
    more = {}

    def submit_more():
        """Requests that met the dying replica are sent again, under the same name."""
        name = f"more{len(more)}"
        answer = server.api.submit(seed=100 + len(more), headers={"Idempotency-Key": name})
        if answer.status in (200, 202):
            more[answer.json["id"]] = 100 + len(more)
        return len(more) == 4

    until(submit_more)

    def all_ended():
        jobs = [server.api.get(f"/v1/videos/{video}") for video in {**accepted, **more}]
        return all(a.status == 200 and a.json["status"] == "completed" for a in jobs)

    until(all_ended, every=1.0)
    for video, seed in {**accepted, **more}.items():
        assert server.api.job(video)["seed"] == seed
        assert server.api.get(f"/v1/videos/{video}/content").status == 200
    assert len(server.api.get("/v1/videos?limit=100").json["data"]) == len(accepted) + len(more)
    until(lambda: len([pid for pid in replicas(server) if pid != killed]) == 2)
