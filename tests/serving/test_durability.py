"""The promise: an accepted job ends once, whatever is killed whenever."""

import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from http.client import HTTPException

import psutil
import pytest
from served import Api, Forge, until

NUM_KILLS = 50


class Crowd:
    """Clients that submit jobs for as long as a server is killed and started again."""

    def __init__(self, num_clients):
        self.accepted: dict[str, str] = {}
        self.ended: dict[str, float] = {}
        self.api: Api | None = None
        self.stopping = threading.Event()
        self.threads = [
            threading.Thread(target=self.submit, args=(i,), daemon=True) for i in range(num_clients)
        ]

    def submit(self, client):
        number = 0
        while not self.stopping.is_set():
            name = f"client{client}-{number}"
            asked = {"prompt": "@anna waves", "num_frames": 5, "seed": number}
            headers = {"Idempotency-Key": name}
            try:
                answer = self.api.ask("POST", "/v1/videos", asked, headers)
            except (OSError, HTTPException):
                time.sleep(0.05)  # away: the same request once more
                continue
            assert answer.status in (200, 202), answer.body
            assert self.accepted.setdefault(name, answer.json["id"]) == answer.json["id"]
            number += 1
            self.look_back()
            time.sleep(0.15)

    def look_back(self):
        """Remember when jobs ended: that must never change."""
        jobs = list(self.accepted.values())
        waiting = [video for video in jobs if video not in self.ended]
        with suppress(OSError, HTTPException):
            for video in [*waiting[:1], *list(self.ended)[-1:]]:
                job = self.api.get(f"/v1/videos/{video}").json
                if job["status"] == "completed":
                    known = self.ended.setdefault(video, job["completed_at"])
                    assert known == job["completed_at"], "run twice to two results"


def test_killing_the_server_fifty_times_loses_and_doubles_nothing(start_server, tmp_path):
    server = start_server(needs_worker=False)
    server.api.save_element("anna")
    server.kill()
    draw, crowd = random.Random(0), Crowd(2)
    forge = Forge(tmp_path, DRAWING_STEP_SECONDS="0.05")
    arguments = ("--data", tmp_path / "data", "--port", "0", "--max-queue", "100000")
    for kill in range(NUM_KILLS):
        pid, crowd.api = forge.start(*arguments)
        if kill == 0:
            for thread in crowd.threads:
                thread.start()
        if kill % 6 == 5:  # while jobs are made, ended and taken
            until(lambda: crowd.api.get("/healthz").json["running"], every=0.03)
        if kill % 10 == 9:  # not before a client has seen one more job end
            seen = len(crowd.ended)
            until(lambda seen=seen: len(crowd.ended) > seen)
        time.sleep(draw.uniform(0.0, 0.4))
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not psutil.pid_exists(pid))
    forge.end()
    crowd.stopping.set()
    server = start_server("--max-queue", "100000", environment={"DRAWING_STEP_SECONDS": "0"})
    crowd.api = server.api
    for thread in crowd.threads:
        thread.join()
    assert len(crowd.accepted) >= NUM_KILLS // 10
    until(lambda: server.api.get("/healthz").json["queued"] == 0)
    jobs = {video: server.api.ended(video) for video in crowd.accepted.values()}
    assert {job["status"] for job in jobs.values()} == {"completed"}
    assert {job["attempts_lost"] for job in jobs.values()} == {0}
    for name, video in crowd.accepted.items():
        assert jobs[video]["seed"] == int(name.split("-")[1])
        assert server.api.get(f"/v1/videos/{video}/content").status == 200
        assert jobs[video]["completed_at"] == crowd.ended.get(video, jobs[video]["completed_at"])
    assert len(crowd.ended) >= 5
    rows = sqlite3.connect(tmp_path / "data/jobs.sqlite").execute("SELECT COUNT(*) FROM jobs")
    assert len(set(crowd.accepted.values())) == len(crowd.accepted)
    # The last request of each client may have been accepted without its answer arriving.
    assert 0 <= rows.fetchone()[0] - len(crowd.accepted) <= len(crowd.threads)


def test_a_repeated_request_makes_no_second_job(api):
    once = {"headers": {"Idempotency-Key": "the very same"}}
    first, second = api.submit(**once), api.submit(**once)
    assert (first.status, second.status) == (202, 200)
    assert first.json["id"] == second.json["id"]


def test_a_job_is_taken_up_again_by_the_next_server(start_server):
    server = start_server()
    running = server.api.submitted(prompt="@anna waves slow", steps=5)
    waiting = server.api.submitted(seed=2)
    until(lambda: server.api.job(running)["step"] >= 1)
    server.kill()
    server = start_server()
    for video in (running, waiting):
        job = server.api.ended(video)
        assert (job["status"], job["attempts_lost"]) == ("completed", 0)


def test_a_server_that_is_told_to_end_gives_its_job_back(start_server):
    server = start_server()
    video = server.api.submitted(prompt="@anna waves slow", steps=5)
    until(lambda: server.api.job(video)["step"] >= 1)
    server.end()
    assert server.process.returncode in (0, -15, 143), server.text()
    server = start_server()
    assert server.api.ended(video)["status"] == "completed"


def test_two_servers_never_share_a_folder(start_server, tmp_path):
    start_server(needs_worker=False)
    with pytest.raises(AssertionError, match="in use by another server"):
        start_server(needs_worker=False)


def test_a_corrupt_database_is_refused_and_left_alone(start_server, tmp_path):
    server = start_server()
    server.api.ended(server.api.submitted())
    server.end()
    database = tmp_path / "data/jobs.sqlite"
    damaged = bytearray(database.read_bytes())
    damaged[4096:8192] = b"\xff" * 4096
    database.write_bytes(damaged)
    with pytest.raises(AssertionError, match=r"is damaged.*restore a backup"):
        start_server(needs_worker=False)
    assert database.read_bytes() == damaged


def test_a_file_that_is_no_database_is_refused_and_left_alone(start_server, tmp_path):
    database = tmp_path / "data/jobs.sqlite"
    database.parent.mkdir()
    database.write_bytes(b"my diary, and no database at all. " * 1000)
    with pytest.raises(AssertionError, match="is damaged"):
        start_server(needs_worker=False)
    assert database.read_bytes().startswith(b"my diary")
