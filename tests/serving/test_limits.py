"""Keys, limits, isolation, hosts and origins."""

import sqlite3

import pytest
from served import Api, png

from skyreels_a2.errors import InputError
from skyreels_a2.serving.keys import KeyStore
from skyreels_a2.serving.rates import RateLimiter
from skyreels_a2.serving.sqlite import SQLite

PUBLIC = ("--host", "0.0.0.0")


@pytest.fixture
def keys(tmp_path):
    return KeyStore(SQLite(tmp_path / "jobs.sqlite"))


def test_a_key_is_known_again_and_kept_only_as_a_hash(keys, tmp_path):
    text = keys.add("anna", {"seconds": 5})
    assert keys.find(text).limits.seconds == 5
    assert text.split("_", 2)[2].encode() not in (tmp_path / "jobs.sqlite-wal").read_bytes()


@pytest.mark.parametrize("wrong", ["", "a2_", "a2_x_y", "\0", "🦊", "a2_" + "0" * 16 + "_x"])
def test_what_is_no_key_is_nobody(keys, wrong):
    keys.add("anna")
    assert keys.find(wrong) is None


def test_a_key_with_another_secret_or_removed_is_nobody(keys):
    text, other = keys.add("anna"), keys.add("ben")
    mixed = "_".join([*text.split("_")[:2], other.split("_", 2)[2]])
    assert keys.find(mixed) is None
    keys.remove("anna")
    assert keys.find(text) is None
    assert [key.name for key in keys.all()] == ["ben"]


def test_mistakes_with_keys_are_told(keys):
    keys.add("anna")
    with pytest.raises(InputError, match="named 'anna' already"):
        keys.add("anna")
    with pytest.raises(InputError, match="limit sconds"):
        keys.add("ben", {"sconds": 1})
    with pytest.raises(InputError, match="keys list"):
        keys.remove("nobody")


def test_a_rate_lets_a_burst_pass_and_then_says_how_long_to_wait():
    rates = RateLimiter()
    assert [rates.wait_for("anna", 60) for _ in range(10)] == [0.0] * 10
    assert 0 < rates.wait_for("anna", 60) <= 1.0
    assert rates.wait_for("ben", 60) == 0.0


def test_beyond_loopback_a_key_is_needed(start_server, make_key):
    with pytest.raises(AssertionError, match="keys add NAME"):
        start_server(*PUBLIC, needs_worker=False)
    anna, ben = make_key("anna", "--limit", "open_jobs=2", "--limit", "seconds=1"), make_key("ben")
    server = start_server(*PUBLIC)
    nobody = server.api
    for path in ("/v1/models", "/v1/videos", "/v1/elements", "/metrics"):
        answer = nobody.get(path)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert nobody.submit().status == 401
    assert nobody.get("/healthz").status == 200
    assert nobody.get("/").status == 200
    assert Api(nobody.url, "a2_wrong_key").get("/v1/videos").status == 401
    hers, his = Api(nobody.url, anna), Api(nobody.url, ben)
    video = hers.submitted()
    picture = hers.upload(png()).json["id"]
    element = hers.save_element("berta").json["id"]
    assert hers.ended(video)["status"] == "completed"
    theirs = (
        *(f"/v1/videos/{video}{end}" for end in ("", "/content", "/preview", "/references/0")),
        f"/v1/videos/{video}/events",
        f"/v1/elements/{element}",
        f"/v1/elements/{element}/pictures/0",
        f"/v1/pictures/{picture}/fitted?role=character",
    )
    for path in theirs:
        assert hers.get(path).status == 200, path
        assert his.get(path).status == 404, path
    assert his.ask("DELETE", f"/v1/videos/{video}").status == 404
    assert his.ask("POST", f"/v1/videos/{video}/again", {}).status == 404
    assert his.ask("DELETE", f"/v1/elements/{element}").status == 404
    assert his.get("/v1/videos").json["data"] == []
    stolen = {"prompt": "x", "input_references": [{"role": "object", "image": picture}]}
    assert his.ask("POST", "/v1/videos", stolen).status == 404
    too_long = hers.submit(num_frames=41)
    assert (too_long.status, "at most 1 s" in too_long.body.decode()) == (422, True)
    for _ in range(2):
        hers.submitted(prompt="@anna is slow", steps=50)
    full = hers.submit()
    assert (full.status, full.headers["retry-after"]) == (429, "5")
    assert "your share" in full.json["error"]["message"]
    assert his.submit().status == 202


def test_a_rate_is_held_per_key(start_server, make_key):
    key = make_key("anna", "--limit", "requests_per_minute=6")
    server = start_server(*PUBLIC, needs_worker=False)
    hers = Api(server.api.url, key)
    answers = [hers.submit() for _ in range(3)]
    assert 429 in [answer.status for answer in answers]
    limited = next(answer for answer in answers if answer.status == 429)
    assert int(limited.headers["retry-after"]) >= 1


def test_a_full_queue_says_when_to_come_again(start_server):
    server = start_server("--max-queue", "2")
    server.api.submitted(prompt="@anna is slow", steps=100)
    answers = [server.api.submit(prompt="@anna is slow", steps=100) for _ in range(4)]
    full = answers[-1]
    assert (full.status, full.headers["retry-after"]) == (429, "5")
    assert full.json["error"]["type"] == "queue_full"


def test_pages_of_other_sites_may_do_nothing(api):
    assert api.submit(headers={"Origin": "https://evil.example"}).status == 403
    assert api.submit(headers={"Origin": "null"}).status == 403
    assert api.submit(headers={"Origin": api.url}).status == 202
    answer = api.get("/v1/videos", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_another_origin_may_be_allowed(start_server):
    server = start_server("--allow-origin", "https://studio.example", needs_worker=False)
    answer = server.api.submit(headers={"Origin": "https://studio.example"})
    assert answer.status == 202
    assert answer.headers["access-control-allow-origin"] == "https://studio.example"


def test_a_name_that_was_rebound_is_refused(api):
    assert api.get("/v1/videos", headers={"Host": "evil.example"}).status == 421
    assert api.get("/v1/videos", headers={"Host": "localhost:1234"}).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/v1/models", "/v1/videos/none", "/nowhere", "/page/page.js"]
)
def test_every_answer_has_security_headers(api, path):
    headers = api.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers


def test_turns_are_taken_by_clients(start_server):
    server = start_server(environment={"DRAWING_STEP_SECONDS": "0.1"})
    first = server.api.submitted(prompt="@anna is slow", steps=10)
    crowd = [server.api.submitted(user="anna") for _ in range(4)]
    alone = server.api.submitted(user="ben")
    positions = {video: server.api.job(video)["queue_position"] for video in (*crowd, alone)}
    assert positions[alone] <= 1
    assert server.api.ended(alone)["completed_at"] < server.api.ended(crowd[-1])["started_at"]
    assert server.api.ended(first)["status"] == "completed"


def test_ids_cannot_be_guessed(api):
    ids = {api.submitted() for _ in range(3)}
    assert all(len(video.removeprefix("video_")) == 32 for video in ids)


def test_a_key_store_of_a_newer_version_is_refused(start_server, tmp_path):
    start_server(needs_worker=False).end()
    with sqlite3.connect(tmp_path / "data/jobs.sqlite") as database:
        database.execute("UPDATE meta SET value = '99'")
    with pytest.raises(AssertionError, match="schema 99"):
        start_server(needs_worker=False)
