"""Load on a real server: latencies of every endpoint while the model runs, lost or doubled jobs.

    python benchmarks/serve_load.py --jobs 200 --clients 20

starts `skyreels-a2 serve` with the embedded model in a process of its own, lets clients submit,
watch, list and fetch at once, and prints a table. Memory is that of the server process, which
holds no model, and of the worker, which does, read at every tenth of the jobs. `--jobs 2000
--steps 1 --frames 5 --size 64x48` are an hour's worth of jobs at the model's own size in less.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil

EXAMPLES = Path(__file__).parents[1] / "examples"
LOOK_SECONDS = 0.5


@dataclass
class Load:
    """What the clients saw."""

    url: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    accepted: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    told_to_wait: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, name: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        """One request, timed under a name."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}
        )
        try:
            return self.send(name, request)
        except (urllib.error.URLError, OSError) as error:
            with self.lock:
                self.errors.append(f"{name}: {error}")
            raise

    def send(self, name: str, request: urllib.request.Request) -> bytes:
        """The answer; who asks too often waits as told, which is counted and not timed."""
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            with self.lock:
                self.told_to_wait += 1
            time.sleep(float(error.headers["Retry-After"]))
            return self.send(name, request)
        with self.lock:
            self.seconds[name].append(time.perf_counter() - started)
        return content


def client(load: Load, number: int, jobs: int, settings: dict[str, Any]) -> None:
    """Submit jobs one after the other and watch each until it has ended."""
    for index in range(jobs):
        seed = number * 10_000 + index
        asked = {"prompt": "@anna drinks from the @cup", "seed": seed, "user": f"c{number}"}
        job = json.loads(load.ask("submit", "/v1/videos", {**asked, **settings}))
        with load.lock:
            load.accepted[job["id"]] = seed
        while job["status"] in ("queued", "in_progress"):
            time.sleep(LOOK_SECONDS)
            job = json.loads(load.ask("status", f"/v1/videos/{job['id']}"))
        load.states[job["id"]] = job["status"]
        load.ask("content", f"/v1/videos/{job['id']}/content")
        load.ask("list", "/v1/videos?limit=20")
        load.ask("check", "/v1/videos/check", {**asked, **settings})
        load.ask("healthz", "/healthz")


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A server with the embedded model, once its model is loaded."""
    log = folder / "log"
    command = [sys.executable, "-m", "skyreels_a2", "serve", "--port", "0", "--data", folder / "d"]
    process = subprocess.Popen([*map(str, command), "--max-queue", "1000"], stderr=log.open("wb"))
    started = time.monotonic()
    url = ""
    while not url:
        time.sleep(0.1)
        lines = [line for line in log.read_text().splitlines() if "listening on " in line]
        url = lines[0].split("listening on ")[1] if lines else ""
    listening = time.monotonic() - started
    while not json.loads(urllib.request.urlopen(f"{url}/healthz").read())["workers_ready"]:
        time.sleep(0.1)
    print(f"page after {listening:.1f} s, model loaded after {time.monotonic() - started:.1f} s")
    return process, url


def save_elements(url: str) -> None:
    """The elements that every prompt calls."""
    import base64

    for name, file, role in (("anna", "astronaut", "character"), ("cup", "cup", "object")):
        picture = base64.b64encode((EXAMPLES / f"{file}.jpg").read_bytes()).decode()
        body = {"name": name, "role": role, "image": f"data:image/jpeg;base64,{picture}"}
        request = urllib.request.Request(
            f"{url}/v1/elements", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).read()


def tell(load: Load, memory: list[tuple[float, float]], took: float, url: str) -> None:
    """Print what came of it."""
    print("| endpoint | calls | p50 ms | p99 ms |\n|---|---|---|---|")
    for name, seconds in load.seconds.items():
        cuts = statistics.quantiles(seconds, n=100)
        print(f"| {name} | {len(seconds)} | {cuts[49] * 1000:.1f} | {cuts[98] * 1000:.1f} |")
    rows: list[str] = []
    after = ""
    while True:
        page = json.loads(urllib.request.urlopen(f"{url}/v1/videos?limit=100{after}").read())
        rows += [job["id"] for job in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    done = sum(state == "completed" for state in load.states.values())
    lost = len(set(load.accepted) - set(rows))
    print(f"{len(load.accepted)} jobs accepted, {done} completed, {lost} lost, ", end="")
    print(f"{len(rows) - len(set(load.accepted))} doubled, {len(load.errors)} errors, {took:.0f} s")
    print(f"{load.told_to_wait} answers were 'too many requests', waited for and asked again")
    for name, values in zip(("server", "worker"), zip(*memory, strict=True), strict=True):
        print(f"{name} memory MiB: " + " ".join(f"{value:.0f}" for value in values))


def memory_of(server: psutil.Process) -> tuple[float, float]:
    """MiB that the server holds, and the greatest of its children: the worker."""
    children = [0]
    for child in server.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            children.append(child.memory_info().rss)
    return server.memory_info().rss / 2**20, max(children) / 2**20


def main() -> None:
    """Run the load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--size", default="160x96")
    given = parser.parse_args()
    settings = {
        "num_inference_steps": given.steps,
        "num_frames": given.frames,
        "size": given.size,
    }
    with tempfile.TemporaryDirectory() as folder:
        process, url = start_server(Path(folder))
        save_elements(url)
        load, memory = Load(url), list[tuple[float, float]]()
        each = given.jobs // given.clients
        threads = [
            threading.Thread(target=client, args=(load, i, each, settings))
            for i in range(given.clients)
        ]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        marks = [given.jobs * k // 10 for k in range(11)]
        while any(thread.is_alive() for thread in threads) or marks:
            if marks and (len(load.states) >= marks[0] or not any(t.is_alive() for t in threads)):
                marks.pop(0)
                memory.append(memory_of(psutil.Process(process.pid)))
            time.sleep(0.05)
        tell(load, memory, time.monotonic() - started, url)
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
