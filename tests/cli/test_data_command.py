import pytest

from skyreels_a2.data.tables import read_table
from skyreels_a2.scenes.dataset import render_dataset
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.video import VideoSpec

SPEC = SceneSpec(video=VideoSpec(192, 112, 25, 12), characters=(1, 1), objects=(0, 0))


@pytest.fixture
def videos(tmp_path):
    render_dataset(BuiltinSource(), tmp_path / "raw", count=3, seed=1, spec=SPEC)
    return tmp_path / "raw/videos"


@pytest.fixture
def build(cli, videos):
    def call(*flags):
        small = ("--set", "probe.min_short_side=96", "--workers", "1")
        return cli("data", "build", videos, "-o", "set", *small, *flags)

    return call


def test_from_videos_to_a_step_of_training(cli, build, model_folder, tmp_path):
    result = build()
    assert (result.code, result.out) == (0, "set\n"), result.err
    assert "probe" in result.err
    assert (tmp_path / "set/report.html").is_file()
    assert cli("data", "check", "set").code == 0
    listed = cli("data", "show", "set").out.splitlines()
    name = listed[0].split()[0]
    told = cli("data", "show", "set", name).out
    assert "similarity" in told
    assert "background" in told
    settings = ("loop.steps=1", "loop.batch_size=1", "loop.micro_batch=1", "optim.warmup_steps=0")
    flags = [flag for setting in settings for flag in ("--set", setting)]
    model = ("--model", model_folder)
    trained = cli("train", "paper", "--data", "set", *model, "-o", "run", *flags)
    assert trained.code == 0, trained.err


def test_the_same_command_again_does_nothing_new(build):
    assert build().code == 0
    again = build()
    assert again.code == 0
    assert "Building" not in again.err


def test_a_damaged_data_set_is_found_out(cli, build, tmp_path):
    build()
    whole = tmp_path / "set"
    (whole / read_table(whole, "elements")[0]["path"]).unlink()
    video = whole / read_table(whole, "shots")[0]["path"]
    video.write_bytes(video.read_bytes()[:-100])
    result = cli("data", "check", "set")
    assert result.code == 2
    assert "is not there" in result.out
    assert len(result.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--set", "quality.magic=1"), "quality.min_motion"),
        (("--set", "match.references=0"), "references"),
    ],
)
def test_wrong_settings_are_refused(build, flags, words):
    result = build(*flags)
    assert result.code == 2
    assert words in result.err


def test_wrong_arguments_are_refused(cli, tmp_path):
    assert cli("data", "build", "nowhere", "-o", "set").code == 2
    assert cli("data", "show", "nowhere").code == 2
    assert cli("data", "check", "nowhere").code == 2
