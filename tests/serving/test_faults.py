"""Full disks, read-only folders, slow and endless clients: the server says so and goes on."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import time

import pytest
from served import PATIENCE, png, until

from skyreels_a2.serving.client import _multipart


def raw(api, *pieces, pause=0.0, wait=PATIENCE):
    """Send bytes piece by piece and give what comes back until the server closes."""
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionError, TimeoutError):
            pass
        return received


HEAD = b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_headers_that_never_end_are_given_up(start_server):
    server = start_server("--request-timeout", "1", needs_worker=False)
    assert raw(server.api, b"GET / HTTP/1.1\r\nHost: loc") == b""
    assert raw(server.api) == b""
    assert server.api.get("/healthz").status == 200


def test_a_body_that_trickles_is_given_up(start_server):
    server = start_server("--request-timeout", "1", needs_worker=False)
    answer = raw(server.api, HEAD + b"Content-Length: 1000\r\n\r\n", b"{", b'"', pause=0.2)
    assert answer.startswith(b"HTTP/1.1 408")
    many = [raw_connection(server.api) for _ in range(50)]
    assert server.api.get("/healthz").status == 200
    for connection in many:
        connection.close()


def raw_connection(api):
    host, port = api.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
    return connection


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api):
    answer = raw(api, HEAD + b"Content-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_say_its_size_is_cut_off(api):
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = raw(api, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 70)
    assert answer.startswith(b"HTTP/1.1 413") or answer == b""
    assert api.get("/healthz").status == 200


def test_a_client_that_goes_away_leaves_nothing(api):
    kind, body = _multipart({"prompt": "x"}, {"a": png()})
    head = f"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    raw(api, f"{head}Content-Length: {len(body) + 9}\r\n\r\n".encode() + body, wait=0.3)
    assert api.submit().status == 202


def test_a_full_disk_refuses_jobs_and_loses_none(start_server, tmp_path):
    """No file of the server may grow beyond 300 kB: what the system answers on a full disk."""

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    start_server(needs_worker=False).end()
    server = start_server(prepare=fill)
    accepted, refused = [], None
    for _ in range(200):
        answer = server.api.submit(prompt="@anna is slow " + "x" * 3000, steps=50)
        if answer.status != 202:
            refused = answer
            break
        accepted.append(answer.json["id"])
    assert refused is not None
    assert (refused.status, refused.json["error"]["type"]) == (507, "storage")
    assert server.api.get("/healthz").status == 200
    assert len(server.api.get("/v1/videos?limit=100").json["data"]) == len(accepted)
    server.kill()
    server = start_server()
    assert all(server.api.job(video)["status"] in ("queued", "in_progress") for video in accepted)


def test_a_video_that_finds_no_room_fails_with_the_reason(start_server, tmp_path):
    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    server = start_server(prepare=fill, environment={"DRAWING_NOISE": "1"})
    job = server.api.ended(server.api.submitted(size="512x512", num_frames=81, steps=1))
    assert job["status"] == "failed"
    assert "free some space" in job["error"]["message"]
    assert server.api.ended(server.api.submitted())["status"] == "completed"


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="needs setpriv")
def test_a_read_only_folder_is_refused_with_the_remedy(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o555)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    told = subprocess.run(
        [
            *(nobody if os.getuid() == 0 else []),
            *(sys.executable, "-m", "skyreels_a2", "serve", "--port", "0", "--data", str(data)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=PATIENCE,
        check=False,
    )
    if any(sign in told.stderr for sign in ("No module", "failed to execute")):
        pytest.skip("another user may not read this Python")
    assert told.returncode == 2, told.stderr
    assert "cannot be written" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_a_folder_that_vanishes_is_an_error_and_no_crash(start_server, tmp_path):
    server = start_server()
    (tmp_path / "data").rename(tmp_path / "gone")
    assert server.api.submit().status == 507
    assert server.api.get("/metrics").status == 507
    (tmp_path / "gone").rename(tmp_path / "data")
    assert until(lambda: server.api.submit().status == 202)


def test_a_port_that_is_taken_is_said_in_one_line(start_server, tmp_path):
    server = start_server(needs_worker=False)
    port = server.api.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match="choose another --port"):
        start_server("--port", port, data=tmp_path / "other", needs_worker=False)
