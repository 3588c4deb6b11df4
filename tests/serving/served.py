"""Real servers as processes of their own, and a client of them that hides nothing."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from skyreels_a2.serving.client import _multipart

DRAWING = Path(__file__).parent / "drawing_server.py"
PATIENCE = 240.0
"""Seconds to wait for what must happen: what has happened is not waited for."""


def until(condition, *, seconds=PATIENCE, every=0.05):
    """Wait until something holds and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError("it did not happen in time")


def png(size=(40, 60), colour="crimson"):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, format="PNG")
    return buffer.getvalue()


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict = field(default_factory=dict)

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Api:
    """A client that hides nothing."""

    url: str
    key: str | None = None

    def ask(self, method, path, body=None, headers=None, *, timeout=PATIENCE):
        sent = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **(headers or {})}
        if isinstance(body, dict):
            body, sent = json.dumps(body).encode(), {"Content-Type": "application/json", **sent}
        request = urllib.request.Request(self.url + path, body, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(), dict(error.headers))

    def get(self, path, **kwargs):
        return self.ask("GET", path, **kwargs)

    def submit(self, prompt="@anna waves", *, headers=None, picture=None, **fields):
        references = [{"name": "anna", "role": "character", "image": "a"}]
        values = {"prompt": prompt, "input_references": json.dumps(references), "num_frames": "5"}
        values |= {key: str(value) for key, value in fields.items()}
        kind, body = _multipart(values, {"a": picture or png()})
        return self.ask("POST", "/v1/videos", body, {"Content-Type": kind, **(headers or {})})

    def submitted(self, **fields):
        answer = self.submit(**fields)
        assert answer.status == 202, answer.body
        return answer.json["id"]

    def job(self, video_id):
        answer = self.get(f"/v1/videos/{video_id}")
        assert answer.status == 200, answer.body
        return answer.json

    def ended(self, video_id):
        def look():
            job = self.job(video_id)
            return job if job["status"] not in ("queued", "in_progress") else None

        return until(look)

    def save_element(self, name, *, role="character", pictures=None):
        files = {f"view{i}": data for i, data in enumerate(pictures or [png()])}
        fields = {"name": name, "role": role, "image": json.dumps(list(files))}
        kind, body = _multipart(fields, files)
        return self.ask("POST", "/v1/elements", body, {"Content-Type": kind})

    def upload(self, data, name="file"):
        kind, body = _multipart({}, {name: data})
        return self.ask("POST", "/v1/pictures", body, {"Content-Type": kind})


class RunningServer:
    """A server process; its standard error goes into a file."""

    def __init__(self, command, folder, *, environment=None, prepare=None, needs_worker=True):
        self.log = folder / f"server-{time.monotonic_ns()}.log"
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stderr=self.log.open("wb"),
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **(environment or {})},
            preexec_fn=prepare,  # noqa: PLW1509
        )
        try:
            self.api = Api(until(self._url).replace("0.0.0.0", "127.0.0.1"))
            if needs_worker:
                until(lambda: self.api.get("/healthz").json["workers_ready"])
        except BaseException:
            self.end()
            raise

    def kill(self):
        """Kill -9: nothing is said, nothing is cleaned."""
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def text(self):
        return self.log.read_text(errors="replace")

    def _url(self):
        assert self.process.poll() is None, self.text()
        lines = [line for line in self.text().splitlines() if "listening on " in line]
        return lines[-1].split("listening on ")[1].strip() if lines else None


class Forge:
    """Starts servers fast, by forking them off a process that has imported everything."""

    def __init__(self, folder, **environment):
        self.folder, self.number = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, DRAWING, "--fork"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def start(self, *arguments):
        """Start a server and give its process id and its client."""
        self.number += 1
        log = self.folder / f"forked{self.number}.log"
        told = {"arguments": [str(a) for a in arguments], "log": str(log)}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())

        def url():
            text = log.read_text() if log.exists() else ""
            assert "error" not in text, text
            lines = [line for line in text.splitlines() if "listening on " in line]
            return lines[-1].split("listening on ")[1].strip() if lines else None

        return pid, Api(until(url, every=0.01))

    def end(self):
        self.process.kill()
        self.process.communicate()
