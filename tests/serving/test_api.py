"""The API as its reference says it."""

import base64
import json
import urllib.request

import pytest
from served import PATIENCE, png, until

from skyreels_a2.serving.client import _multipart

NAMELESS = b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n"


def cup(**changes):
    picture = "data:image/png;base64," + base64.b64encode(png()).decode()
    reference = {"role": "object", "name": "cup", "image": picture}
    return {"prompt": "a @cup", "num_frames": 5, "input_references": [reference], **changes}


def test_a_request_may_be_json_with_data_urls(api):
    answer = api.ask("POST", "/v1/videos", cup(steps=3, guidance=1.5, seed=9, size="64x32"))
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/videos/{answer.json['id']}"
    job = api.ended(answer.json["id"])
    assert (job["size"], job["seed"], job["num_inference_steps"]) == ("64x32", 9, 3)
    assert (job["guidance_scale"], job["num_frames"]) == (1.5, 5)


def test_a_request_samples_as_the_model_does_unless_it_says_how(api):
    (model,) = api.get("/v1/models").json["data"]
    assert (model["scheduler"], model["image_guidance_scale"]) == ("euler", 1.0)
    assert model["guidance_interval"] == [0.0, 0.6]
    assert model["appearance_matching"] == 0.5
    silent = api.ask("POST", "/v1/videos", cup()).json
    assert (silent["scheduler"], silent["num_inference_steps"]) == ("euler", 2)
    assert silent["guidance_interval"] == [0.0, 0.6]
    assert silent["appearance_matching"] == 0.5
    assert (
        api.ask("POST", "/v1/videos", cup(appearance_matching=0)).json["appearance_matching"] == 0
    )
    assert api.ask("POST", "/v1/videos", cup(appearance_matching=2)).status == 422
    assert api.ask("POST", "/v1/videos", cup(scheduler="dpm++")).json["scheduler"] == "dpm++"


def test_seconds_and_ratios_are_understood_as_by_the_command_line(api):
    asked = cup(seconds=2, size="2:1")
    del asked["num_frames"]
    job = api.ask("POST", "/v1/videos", asked).json
    assert (job["num_frames"], job["seconds"], job["size"]) == (21, 2.1, "48x16")


def test_without_a_length_the_models_window_is_sampled(api):
    asked = cup()
    del asked["num_frames"]
    assert api.ask("POST", "/v1/videos", asked).json["num_frames"] == 17 - 4


def test_a_saved_element_is_used_by_name_or_by_id(api):
    saved = api.save_element("dora", pictures=[png(), png(colour="gold")]).json
    by_name = api.ask("POST", "/v1/videos", {"prompt": "@dora waves", "num_frames": 5}).json
    assert len(by_name["input_references"][0]["pictures"]) == 2
    reference = {"element_id": saved["id"], "name": "eve", "strength": 0.5}
    asked = {"prompt": "@eve waves", "num_frames": 5, "input_references": [reference]}
    by_id = api.ask("POST", "/v1/videos", asked).json["input_references"][0]
    assert (by_id["name"], by_id["strength"], by_id["role"]) == ("eve", 0.5, "character")
    assert api.save_element("dora").status == 422
    names = [element["name"] for element in api.get("/v1/elements").json["data"]]
    assert "dora" in names
    assert names == sorted(names)


def test_a_check_tells_all_without_making_anything(api):
    before = api.get("/v1/videos?limit=1").json["data"]
    good = api.ask("POST", "/v1/videos/check", cup(prompt="@cup and nothing else")).json
    assert (good["ok"], good["text"], good["num_references"]) == (True, "cup and nothing else", 1)
    unmentioned = api.ask("POST", "/v1/videos/check", cup(prompt="nothing")).json
    assert "never mentions 'cup'" in unmentioned["remarks"][0]
    unknown = api.ask("POST", "/v1/videos/check", cup(prompt="a @cap")).json
    assert not unknown["ok"]
    assert "did you mean @cup?" in unknown["errors"][0]
    assert api.get("/v1/videos?limit=1").json["data"] == before


def test_the_time_to_make_is_measured_on_earlier_jobs(api):
    api.ended(api.submitted())
    assert api.ask("POST", "/v1/videos/check", cup()).json["seconds_to_make"] > 0
    assert api.get("/v1/models").json["data"][0]["seconds_per_step"] > 0


def test_again_is_the_same_with_another_seed(api):
    first = api.ended(api.submitted(seed=5, steps=3, guider="apg", flow_shift=6, priority=2))
    second = api.ask("POST", f"/v1/videos/{first['id']}/again", {}).json
    assert second["seed"] != 5
    third = api.ask("POST", f"/v1/videos/{first['id']}/again", {"seed": 77}).json
    own = {"id", "seed", "input_references", "preview", "num_bytes", "phase", "step", "status"}
    own |= {key for key in first if key.endswith(("_at", "_left", "_taken")) or "progress" in key}
    kept = set(first) - own - {"queue_position"}
    assert {key: third[key] for key in kept} == {key: first[key] for key in kept}
    assert (third["seed"], third["guider"], third["flow_shift"], third["priority"]) == (
        77,
        "apg",
        6,
        2,
    )
    assert api.ended(third["id"])["status"] == "completed"


def test_events_tell_every_change_until_the_end(api):
    video = api.submitted(prompt="@anna is slow", steps=24)
    events = []
    with urllib.request.urlopen(f"{api.url}/v1/videos/{video}/events", timeout=PATIENCE) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream:
            text = line.decode().strip()
            if text.startswith("event: "):
                events.append([text.removeprefix("event: ")])
            elif text.startswith("data: "):
                events[-1].append(json.loads(text.removeprefix("data: ")))
    assert [kind for kind, _ in events] == ["progress"] * (len(events) - 1) + ["end"]
    steps = [job["step"] for _, job in events if job["status"] == "in_progress"]
    assert steps == sorted(steps)
    assert len(set(steps)) >= 2
    assert events[-1][1]["status"] == "completed"


def test_pages_of_videos_go_back_in_time(api):
    ids = [api.submitted() for _ in range(3)]
    first = api.get("/v1/videos?limit=2").json
    assert [job["id"] for job in first["data"]] == ids[:0:-1]
    assert first["has_more"]
    second = api.get(f"/v1/videos?limit=2&after={first['last_id']}").json
    assert second["data"][0]["id"] == ids[0]


def test_the_queue_position_and_the_time_left_are_told(api):
    api.submitted(prompt="@anna is slow", steps=8)
    waiting = [api.submitted() for _ in range(2)]
    jobs = [api.job(video) for video in waiting]
    assert [job["queue_position"] for job in jobs] == sorted(job["queue_position"] for job in jobs)
    assert api.job(waiting[1])["seconds_left"] > 0
    assert api.ended(waiting[1])["queue_position"] is None


def test_metrics_count_requests_and_jobs(api):
    job = api.ended(api.submitted())
    text = api.get("/metrics").body.decode()
    assert 'skyreels_a2_jobs_ended_total{state="completed"}' in text
    assert 'route="/v1/videos/{video_id}"' in text
    assert "skyreels_a2_workers_ready 1.0" in text
    assert job["id"] not in text


def test_the_openapi_document_is_complete(api):
    document = api.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    text, schemas = json.dumps(document), document["components"]["schemas"]
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in schemas
    assert "input_references" in schemas["VideoRequest"]["properties"]
    assert all(o.get("summary") for path in document["paths"].values() for o in path.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 100_000}, "at most 4000"),
        ({"prompt": "a\0b @cup"}, "prompt"),
        ({"prompt": 7}, "valid string"),
        ({"num_frames": 6}, "use 4k+1"),
        ({"size": "33x32"}, "multiple of 16"),
        ({"size": "99999x99999"}, "multiple of 16"),
        ({"size": "16000x16000"}, "too large"),
        ({"seconds": 1, "num_frames": 5}, "both given"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"steps": 0}, "steps"),
        ({"guidance": "much"}, "guidance"),
        ({"model": "gpt"}, "is not served"),
        ({"colour": "red"}, "colour"),
        ({"input_references": "cup"}, "input_references"),
        ({"input_references": []}, "no element"),
        ({"input_references": [{"role": "villain", "image": "x"}]}, "role"),
        ({"input_references": [{"role": "object"}]}, "image or element_id"),
        ({"input_references": [{"image": "x"}]}, "needs a role"),
        ({"input_references": [{"element_id": "element_0"}]}, "no saved element"),
        ({"input_references": [{"role": "object", "image": "x"}] * 10_000}, "at most 16"),
        ({"input_references": [{"role": "object", "image": "x", "strength": 2}]}, "strength"),
        ({"input_references": [{"role": "object", "image": "x", "name": "a b"}]}, "@name"),
    ],
)
def test_mistakes_are_told_in_one_line(api, changes, words):
    answer = api.ask("POST", "/v1/videos", cup(**changes))
    problem = answer.json["error"]
    assert answer.status == 422, answer.body
    assert words in problem["message"] or words in (problem["param"] or "")
    assert "\n" not in problem["message"]
    assert len(problem["message"]) < 500


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{not json", 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b"[]", 422),
        ("application/json", b"\xff\xfe", 400),
        ("text/plain", b"hello", 415),
        ("multipart/form-data", b"no boundary", 400),
        ("multipart/form-data; boundary=x", b"--y\r\nnonsense", 400),
        ("multipart/form-data; boundary=x", b"", 422),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n",
            400,
        ),
    ],
)
def test_malformed_bodies_are_refused(api, kind, body, status):
    for path in ("/v1/videos", "/v1/elements"):
        answer = api.ask("POST", path, body, {"Content-Type": kind})
        assert answer.status == status, answer.body
        assert answer.json["error"]["message"]


def test_a_form_with_too_many_or_doubled_parts_is_refused(api):
    many = {f"f{i}": b"x" for i in range(500)}
    kind, body = _multipart({"prompt": "x"}, many)
    assert api.ask("POST", "/v1/videos", body, {"Content-Type": kind}).status == 400
    kind, body = _multipart({"prompt": "x", "input_references": "[not json"}, {})
    assert api.ask("POST", "/v1/videos", body, {"Content-Type": kind}).status == 422
    twice = body[: -len(b"--") - 34] + body
    assert api.ask("POST", "/v1/videos", twice, {"Content-Type": kind}).status in (400, 422)


def test_what_is_not_there_is_not_found(api):
    for path in ("/v1/videos/video_0", "/v1/elements/element_0", "/v1/videos/x/content", "/x"):
        answer = api.get(path)
        assert (answer.status, answer.json["error"]["type"]) == (404, "not_found")
    assert api.ask("PUT", "/v1/videos").status == 405


def test_a_video_that_is_not_made_yet_is_not_served(api):
    video = api.submitted(prompt="@anna is slow", steps=5)
    assert api.get(f"/v1/videos/{video}/content").status == 409
    api.ask("DELETE", f"/v1/videos/{video}")
    until(lambda: api.job(video)["status"] == "cancelled")
