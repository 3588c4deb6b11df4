"""The judge, against a real server on this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from skyreels_a2.bench.cases import Status
from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.judge import JudgeClient, estimate_cost, mark_in
from skyreels_a2.bench.networks.weights import Judge, NetworkMissingError, Weights
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.errors import InputError


@pytest.fixture
def endpoint(tmp_path):
    """Answers with what stands in `replies`: a status and a text each; the last one repeats."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, dict(self.headers), body))
            status, text = server.replies[min(len(server.requests), len(server.replies)) - 1]
            content = {"choices": [{"message": {"content": text}}], "usage": {"total_tokens": 9}}
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Retry-After", "0.01")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.replies = [], [(200, '{"reason": "fine", "score": 4}')]
    server.judge = Judge(
        f"http://127.0.0.1:{server.server_port}/v1", "tiny-vlm", str(tmp_path / "judge.jsonl"), 2
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


PICTURE = [Image.new("RGB", (600, 300), "teal")]


def test_repeats_are_averaged_and_raw_answers_kept(endpoint, tmp_path):
    endpoint.replies = [(200, '{"score": 3}'), (200, 'Well. {"reason": "good", "score": 4.0}')]
    assert JudgeClient(endpoint.judge).mark("How good?", PICTURE) == 3.5
    lines = [json.loads(line) for line in (tmp_path / "judge.jsonl").read_text().splitlines()]
    assert [line["mark"] for line in lines] == [3.0, 4.0]
    assert lines[1]["answer"].startswith("Well.")
    assert lines[0]["usage"] == {"total_tokens": 9}
    path, _, body = endpoint.requests[0]
    assert path == "/v1/chat/completions"
    assert body["model"] == "tiny-vlm"
    kinds = [part["type"] for part in body["messages"][0]["content"]]
    assert kinds == ["text", "image_url"]


def test_what_was_answered_is_not_asked_again(endpoint):
    JudgeClient(endpoint.judge).mark("How good?", PICTURE)
    assert len(endpoint.requests) == 2
    JudgeClient(endpoint.judge).mark("How good?", PICTURE)
    assert len(endpoint.requests) == 2
    JudgeClient(endpoint.judge).mark("How real?", PICTURE)
    assert len(endpoint.requests) == 4


def test_a_busy_endpoint_is_asked_again(endpoint):
    endpoint.replies = [(429, ""), (503, ""), (200, '{"score": 5}')]
    assert JudgeClient(endpoint.judge).mark("How good?", PICTURE) == 5
    assert len(endpoint.requests) == 4


def test_a_refusal_is_told_at_once(endpoint):
    endpoint.replies = [(401, "")]
    with pytest.raises(NetworkMissingError, match="does not answer: 401"):
        JudgeClient(endpoint.judge).mark("How good?", PICTURE)
    assert len(endpoint.requests) == 1


def test_the_key_comes_from_the_environment_and_is_not_kept(endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("JUDGE_API_KEY", "secret-7")
    JudgeClient(endpoint.judge).mark("How good?", PICTURE)
    assert endpoint.requests[0][1]["Authorization"] == "Bearer secret-7"
    assert "secret-7" not in (tmp_path / "judge.jsonl").read_text()


def test_questions_are_metrics_and_silence_is_missing(endpoint, case, footage):
    weights = Weights(judge=endpoint.judge)
    names = ["judge-natural", "judge-instruction", "judge-consistency", "judge-quality"]
    found = measure_all(case, footage, open_metrics(names, weights))
    assert {score.value for score in found.values()} == {4.0}
    contents = [body["messages"][0]["content"] for _, _, body in endpoint.requests]
    assert case.composition.text in contents[0][0]["text"]
    assert {len(content) for content in contents} == {1 + 8, 1 + 8 + 3}
    endpoint.replies = [(200, "I would rather not say.")]
    silent = Weights(judge=Judge(endpoint.judge.url, "other", endpoint.judge.answers))
    (score,) = measure_all(case, footage, open_metrics(["judge-natural"], silent)).values()
    assert (score.status, score.value) == (Status.MISSING, None)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ('{"score": 4, "reason": "5 people"}', 4),
        ("score: 3.5", 3.5),
        ("I give it 4/5.", 4),
        ("4 out of 5? No: 2", 2),
        ('{"score": 9}', None),
        ("nothing to say", None),
        ("", None),
    ],
)
def test_marks_are_found_in_what_models_write(text, mark):
    assert mark_in(text) == mark


def test_the_cost_is_told_before():
    cost = estimate_cost(num_videos=50, num_questions=4, repeats=3, num_pictures=11)
    assert cost.calls == 600
    assert "asked 600 times" in cost.told(None)
    assert f"{cost.tokens * 2.5 / 1e6:.2f} in all" in cost.told(2.5)


def test_no_address_and_no_model_are_refused():
    with pytest.raises(InputError, match="give an address"):
        Judge("file:///etc/passwd", "m", "x")
    with pytest.raises(InputError, match="--judge-model"):
        Judge("http://127.0.0.1:1/v1", "", "x")
