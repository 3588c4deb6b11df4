import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from material import found

from skyreels_a2.data.backends.openai_captions import OpenAICaptioner
from skyreels_a2.data.backends.telling import TrackCaptioner
from skyreels_a2.data.captions import caption, ground
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Dropped, PersonShot
from skyreels_a2.data.settings import CaptionSettings


@pytest.fixture
def person(scene_frames, tmp_path):
    shot = found(scene_frames, tmp_path)
    return PersonShot(dissected=shot, elements=shot.elements)


@pytest.fixture
def endpoint():
    """A real HTTP server that gives the answers it is told; keeps what it was asked."""
    answers, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = answers.pop(0) if len(answers) > 1 else answers[0]
            body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", answers, asked
    server.shutdown()


def answer(*phrases):
    elements = [
        {"number": i, "phrase": p, "concepts": {"hair": "none"}} for i, p in enumerate(phrases)
    ]
    return json.dumps({"caption": "A red square crosses a chequered wall.", "elements": elements})


def test_the_tracker_is_told_in_words(scene_frames, person):
    told = caption(person, Footage(scene_frames, 12), TrackCaptioner())
    assert "red" in told.caption
    assert "moves to the right" in told.caption
    assert all(phrase.grounded for phrase in told.phrases)
    for phrase in told.phrases:
        assert told.caption[phrase.start : phrase.stop].casefold() == phrase.text.casefold()


def test_phrases_have_places_of_their_own():
    told = ground("A second red ball hits a red ball.", {"a": "red ball", "b": "second red ball"})
    assert [(p.element_id, p.start) for p in told] == [("a", 25), ("b", 2)]
    assert not ground("A cat.", {"a": "dog"})[0].grounded


def test_a_model_is_asked_again_until_it_answers_as_asked(scene_frames, person, endpoint):
    url, answers, asked = endpoint
    answers += ["no json", answer("red square"), answer("red square", "blue moon")]
    captioner = OpenAICaptioner(CaptionSettings(captioner="openai", url=url, retries=2))
    told = caption(person, Footage(scene_frames, 12), captioner)
    assert told.caption == "A red square crosses a chequered wall."
    assert [p.grounded for p in told.phrases] == [True, False]
    assert len(asked) == 3
    assert asked[0]["response_format"]["type"] == "json_schema"
    pictures = [c for c in asked[0]["messages"][0]["content"] if c["type"] == "image_url"]
    assert len(pictures) == 8 + 2


def test_a_model_that_never_does_costs_the_shot(scene_frames, person, endpoint):
    url, answers, _ = endpoint
    answers += ["no json"]
    captioner = OpenAICaptioner(CaptionSettings(captioner="openai", url=url, retries=1))
    told = caption(person, Footage(scene_frames, 12), captioner)
    assert isinstance(told, Dropped)
    assert told.reason == "no caption"
