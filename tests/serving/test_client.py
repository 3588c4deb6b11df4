"""A remote server as a `Composer`."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skyreels_a2 import Composer, Composition, Element, GenerationRequest, Sampling, VideoSpec
from skyreels_a2.cli.main import run
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.cli.remote import _models
from skyreels_a2.errors import InputError
from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.videos import read_video, save_video
from skyreels_a2.serving.client import ServerComposer, ServerError


@pytest.fixture
def request_():
    picture = Image.new("RGB", (40, 60), "crimson")
    anna = Element.character([picture, picture], name="anna", description="a woman")
    cup = Element.object(picture, name="cup", strength=0.5)
    sampling = Sampling(num_inference_steps=2, guidance_scale=2.0, flow_shift=5.0, guider="apg")
    scene = Composition("@anna lifts a @cup", (anna, cup))
    return GenerationRequest(scene, VideoSpec(32, 48, 9, 12.5), 258, sampling)


def test_a_server_is_a_composer(api, request_):
    composer = ServerComposer(api.url)
    assert isinstance(composer, Composer)
    made = composer.generate(request_)
    assert made.request is request_
    assert made.video.spec == request_.spec
    assert np.abs(made.video.frames[0, 0, 0].astype(int) - [2, 1, 128]).max() < 12  # its seed
    job = api.get("/v1/videos?limit=1").json["data"][0]
    assert (job["text"], job["seed"], job["guidance_scale"]) == ("a woman lifts a cup", 258, 2.0)
    assert job["guidance_interval"] == [0.0, 1.0]  # as asked; the server's model ends it at 0.6
    assert job["appearance_matching"] == 0.0  # likewise
    assert [r["strength"] for r in job["input_references"]] == [1.0, 0.5]
    assert len(job["input_references"][0]["pictures"]) == 2


def test_what_a_server_makes_is_what_the_pipeline_makes(
    start_server, model_folder, request_, tmp_path
):
    server = start_server("--model", model_folder, drawing=False)
    request = replace(request_, spec=VideoSpec(32, 32, 5, 10.0))
    composer = ServerComposer(server.api.url)
    assert [model.id for model in composer.models()] == [str(model_folder)]
    there = composer.generate(request).video
    pipeline = load_pipeline(ModelChoice(str(model_folder), device="cpu"), lambda *_: None)
    save_video(pipeline.generate(request).video, tmp_path / "here.mp4")
    here = read_video(tmp_path / "here.mp4")
    assert np.array_equal(there.frames, here.frames)


def test_failures_are_told_in_the_servers_words(api, request_):
    composer = ServerComposer(api.url, patience=0)
    broken = replace(request_, composition=replace(request_.composition, prompt="@anna breaks"))
    with pytest.raises(ServerError, match="the composer broke"):
        composer.generate(broken)
    with pytest.raises(InputError, match="is not served"):
        ServerComposer(api.url, model="other").generate(request_)
    with pytest.raises(InputError, match="trim_references"):
        composer.generate(replace(request_, trim_references=False))
    with pytest.raises(InputError, match="no http"):
        ServerComposer("here")


def test_a_server_is_benchmarked_by_its_address(api, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["bench", "--limit", "2", "--frames", "5", "--metric", "sharpness", "--model"]
    before = len(api.get("/v1/videos?limit=100").json["data"])
    assert run([*command, api.url]) == 0, capsys.readouterr().err
    folder = tmp_path / Path(capsys.readouterr().out.strip()).parent
    manifest = Manifest.read(folder / "videos" / "scene-02.mp4")
    assert manifest.model.name == f"{api.url}#a2-tiny"
    assert (manifest.spec.width, manifest.sampling.guidance_scale) == (32, 3.0)
    assert "#a2-tiny" in (folder / "report.html").read_text()
    assert run([*command, f"{api.url}/#a2-tiny", "-o", str(folder)]) == 0  # all is there
    assert len(api.get("/v1/videos?limit=100").json["data"]) == before + 2
    assert run([*command, f"{api.url}#other"]) == 2
    assert "it has a2-tiny" in capsys.readouterr().err


def test_a_benchmark_sends_the_key_of_the_environment(api, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKYREELS_A2_KEY", "a2_no_key")
    _models.cache_clear()
    assert run(["bench", "--limit", "1", "--model", api.url]) == 1
    assert "API key is not valid" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_an_error_of_one_line(request_):
    with pytest.raises(ServerError, match="Connection refused"):
        ServerComposer("http://127.0.0.1:9", patience=0).generate(request_)


def test_the_file_is_a_plain_mp4(api):
    job = api.ended(api.submitted())
    content = api.get(f"/v1/videos/{job['id']}/content", headers={"Range": "bytes=4-7"})
    assert (content.status, io.BytesIO(content.body).read()) == (206, b"ftyp")
