import base64
import io
import json
import pickle
import shutil
import subprocess
import tarfile
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from skyreels_a2 import packages as registry
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.packages import is_fetched
from skyreels_a2.scenes.fluent import fetch as fetching
from skyreels_a2.scenes.fluent.fetch import default_cache, fetch
from skyreels_a2.scenes.fluent.naming import name_emoji
from skyreels_a2.scenes.fluent.packages import (
    ANIMATED,
    KEYWORDS,
    NAMES,
    PACKAGES,
    PANORAMAS,
    STILLS,
)
from skyreels_a2.scenes.fluent.panoramas import read_light, tone_mapped
from skyreels_a2.scenes.fluent.source import POSES, FluentSource
from skyreels_a2.scenes.packs import PackedSource, pack, pack_beside
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.video import VideoSpec

EMOJI = {
    "\U0001f98a": ("fox", "Animals & Nature", ["fox", "animal"]),
    "\u26bd": ("soccer ball", "Activities", ["sports"]),
    "\U0001f3f3\ufe0f": ("white flag", "Flags", ["flag"]),
}


def picture(shift=0, *, empty=False):
    pixels = np.zeros((64, 64, 4), np.uint8)
    if not empty:
        pixels[16:48, 8 + shift : 40 + shift] = (200, 90, 30, 255)
    return Image.fromarray(pixels)


def exr_module(path):
    """A panorama in the layout of the package: an EXR in a JavaScript string."""
    codec = av.CodecContext.create("exr", "w")
    codec.width, codec.height, codec.pix_fmt = 32, 16, "gbrpf32le"
    codec.time_base, codec.options = Fraction(1), {"format": "half"}
    frame = av.VideoFrame(32, 16, "gbrpf32le")
    for plane, light in zip(frame.planes, (0.2, 0.4, 0.8), strict=True):
        rows = np.full((16, plane.line_size // 4), light, np.float32)
        rows[:8] *= 2
        plane.update(rows.tobytes())
    content = b"".join(bytes(p) for p in [*codec.encode(frame), *codec.encode(None)])
    text = base64.b64encode(content).decode()
    path.parent.mkdir(parents=True)
    path.write_text(f"export default 'data:application/exr;base64,{text}'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("cache")
    for package in (STILLS, *ANIMATED):
        (root / package.folder / "assets").mkdir(parents=True)
    still = root / STILLS.folder / "assets"
    for name in ("1f98a", "26bd", "1f3f3-fe0f"):
        picture().save(still / f"{name}.webp", lossless=True)
    frames = [picture(i % 20, empty=i == 12) for i in range(24)]
    moving = root / ANIMATED[2].folder / "assets" / "1f98a.webp"
    frames[0].save(moving, save_all=True, append_images=frames[1:], duration=33, lossless=True)
    picture().save(root / ANIMATED[0].folder / "assets" / "26bd.webp")
    exr_module(root / PANORAMAS.folder / "hdri" / "park.exr.js")
    (root / NAMES.folder).mkdir()
    facts = {e: {"name": n, "group": g} for e, (n, g, _) in EMOJI.items()}
    (root / NAMES.folder / "data-by-emoji.json").write_text(json.dumps(facts))
    (root / KEYWORDS.folder / "dist").mkdir(parents=True)
    words = {e: w for e, (_, _, w) in EMOJI.items()}
    (root / KEYWORDS.folder / "dist" / "emoji-en-US.json").write_text(json.dumps(words))
    return root


@pytest.fixture(scope="module")
def source(folder):
    return FluentSource(folder)


def test_the_reader_finds_names_roles_and_animations(source):
    facts = [(s.id, s.name, s.role, s.num_poses) for s in source.subjects]
    assert facts == [
        ("fluent/1f98a", "fox", Role.CHARACTER, POSES),
        ("fluent/26bd", "soccer ball", Role.OBJECT, 1),
    ]
    assert [b.id for b in source.backgrounds] == [f"fluent/park-{i}" for i in range(3)]
    assert {b.kin for b in source.backgrounds} == {"fluent/park"}


def test_sprites_are_cut_and_never_empty(source):
    sprite = source.sprite("fluent/1f98a")
    assert sprite.shape[0] == POSES
    assert sprite.shape[1] == 32
    assert (sprite[..., 3].max(axis=(1, 2)) == 255).all()
    assert source.sprite("fluent/26bd").shape == (1, 32, 32, 4)


def test_panoramas_become_pictures(source, folder):
    light = read_light(folder / PANORAMAS.folder / "hdri" / "park.exr.js")
    assert light.shape == (16, 32, 3)
    np.testing.assert_allclose(light[0, 0], (1.6, 0.4, 0.8), rtol=0.01)
    view = source.picture("fluent/park-1")
    assert view.shape[1] > 1.7 * view.shape[0]
    assert view[0].mean() > view[-1].mean()


def test_tone_mapping_rolls_highlights_off():
    light = np.array([[[0.0] * 3, [0.2] * 3, [0.4] * 3, [1000.0] * 3]], dtype=np.float32)
    grey = tone_mapped(light)[0, :, 0].astype(int)
    assert (np.diff(grey) > 0).all()
    assert grey[-1] == 255


def test_unknown_assets_and_broken_files_are_errors(source, tmp_path):
    with pytest.raises(InputError, match="fluent/nobody"):
        source.sprite("fluent/nobody")
    with pytest.raises(InputError, match="fluent/nowhere-0"):
        source.picture("fluent/nowhere-0")
    with pytest.raises(InputError, match="scenes fetch"):
        FluentSource(tmp_path)
    (tmp_path / "bad.exr.js").write_text("export default 'data:;base64,AAAA'")
    with pytest.raises(InputError, match="fetch the assets again"):
        read_light(tmp_path / "bad.exr.js")


def test_a_pack_gives_the_same_names_and_nearly_the_same_pixels(source, tmp_path):
    path = pack(source, tmp_path / "a.zip")
    packed = pickle.loads(pickle.dumps(PackedSource(path)))
    assert packed.subjects == source.subjects
    assert packed.backgrounds == source.backgrounds
    for subject in source.subjects:
        ours, theirs = source.sprite(subject.id), packed.sprite(subject.id)
        np.testing.assert_array_equal(ours[..., 3], theirs[..., 3])
        seen = ours[..., 3] > 0
        assert np.abs(ours[seen].astype(int) - theirs[seen]).mean() < 8
    place = source.backgrounds[0].id
    difference = source.picture(place).astype(int) - packed.picture(place)
    assert np.abs(difference).mean() < 8
    assert pack(source, tmp_path / "b.zip").read_bytes() == path.read_bytes()


def test_scenes_of_a_pack_are_those_of_its_source(source, tmp_path):
    packed = PackedSource(pack(source, tmp_path / "a.zip"))
    spec = SceneSpec(video=VideoSpec(80, 48, 5, 8), characters=(1, 1), objects=(1, 1))
    one = sample_scene(source, 4, split=None, spec=spec)
    assert one == sample_scene(packed, 4, split=None, spec=spec)
    difference = render(one, source).frames.astype(int) - render(one, packed).frames
    assert np.abs(difference).mean() < 4


def test_a_pack_is_opened_where_there_is_one(folder, tmp_path):
    cache = tmp_path / "cache"
    shutil.copytree(folder, cache)
    assert isinstance(open_source("fluent", cache=cache), FluentSource)
    path = pack(open_source("fluent", cache=cache), pack_beside(cache))
    assert isinstance(open_source("fluent", cache=cache), PackedSource)
    assert isinstance(open_source(str(path)), PackedSource)
    both = open_source("all", cache=cache)
    assert len(both.subjects) == 2 + len(open_source("builtin").subjects)
    with pytest.raises(InputError, match="no source is called 'nothing'"):
        open_source("nothing")


def test_no_pack_is_an_error(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match="is not a pack"):
        PackedSource(path)


@pytest.mark.parametrize(
    ("name", "group", "spoken", "role"),
    [
        ("man red hair", "People & Body", "man with red hair", Role.CHARACTER),
        ("woman bald", "People & Body", "bald woman", Role.CHARACTER),
        ("people hugging", "People & Body", "group of people hugging", Role.CHARACTER),
        ("waving hand", "People & Body", "waving hand", Role.OBJECT),
        ("person raising hand", "People & Body", "person raising hand", Role.CHARACTER),
        ("red heart", "Smileys & Emotion", "red heart", Role.OBJECT),
        ("smiling face with heart-eyes", "Smileys & Emotion", "smiling face with heart-eyes",
         Role.CHARACTER),
        ("tulip", "Animals & Nature", "tulip", Role.OBJECT),
        ("moose", "Animals & Nature", "moose", Role.CHARACTER),
        ("chopsticks", "Food & Drink", "set of chopsticks", Role.OBJECT),
        ("bacon", "Food & Drink", "piece of bacon", Role.OBJECT),
        ("tennis", "Activities", "tennis racket", Role.OBJECT),
    ],
)  # fmt: skip
def test_emoji_get_names_and_roles(name, group, spoken, role):
    naming = name_emoji(name, group, ["nature"])
    assert (naming.name, naming.role) == (spoken, role)


def test_what_makes_no_subject_is_left_out():
    assert name_emoji("white flag", "Flags", []) is None
    assert name_emoji("one o\u2019clock", "Travel & Places", []) is None


def test_three_genders_are_one_family():
    names = ("man running", "woman running", "person running")
    assert len({name_emoji(n, "People & Body", []).family for n in names}) == 1


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("assets/1f98a.webp", True),
        ("assets/1f468-200d-1f9b0.webp", True),
        ("assets/1f44b-1f3fd.webp", False),
        ("assets/1f1e6-1f1e8.webp", False),
        ("package.json", False),
    ],
)
def test_skin_tones_and_flags_are_not_kept(path, wanted):
    assert bool(STILLS.wanted.fullmatch(path)) is wanted


def test_every_package_has_a_licence_and_a_folder_of_its_own():
    assert {p.licence for p in PACKAGES} == {"MIT", "CC0-1.0"}
    assert len({p.folder for p in PACKAGES}) == len(PACKAGES) == 8


def archive(folder, files):
    path = folder / "x-1.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """A registry with one package; the list counts what is asked of npm."""
    made = archive(tmp_path, {"LICENSE": b"MIT", "run.js": b"evil", "data-by-emoji.json": b"{}"})
    digest = base64.b64encode(__import__("hashlib").sha512(made.read_bytes()).digest()).decode()
    asked = []

    def run(command, **_):
        asked.append(command[-1])
        shutil.copy(made, command[command.index("--pack-destination") + 1])

    monkeypatch.setattr(registry.shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(registry.subprocess, "run", run)
    monkeypatch.setattr(fetching, "PACKAGES", (replace(NAMES, integrity=f"sha512-{digest}"),))
    return asked


def test_fetching_keeps_what_is_wanted_and_happens_once(npm, tmp_path):
    told = []
    cache = fetch(tmp_path / "cache", on_package=told.append)
    assert told == [NAMES.name]
    kept = sorted(p.name for p in (cache / NAMES.folder).iterdir())
    assert kept == ["LICENSE", "VERSION", "data-by-emoji.json"]
    assert is_fetched(cache, NAMES)
    fetch(cache)
    assert npm == [f"{NAMES.name}@{NAMES.version}"]
    assert [p.name for p in cache.iterdir()] == [NAMES.folder]


def test_another_file_than_expected_is_refused(npm, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PACKAGES", (NAMES,))
    with pytest.raises(InputError, match="is not the file it was"):
        fetch(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_failing_npm_is_one_clear_error(npm, tmp_path, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="npm error 404\nnot found")

    monkeypatch.setattr(registry.subprocess, "run", fail)
    with pytest.raises(InputError, match=r"could not be fetched \(npm error 404 not found\)"):
        fetch(tmp_path / "cache")


def test_without_npm_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.shutil, "which", lambda _: None)
    with pytest.raises(InputError, match=r"install Node.js, or choose what needs no download"):
        fetch(tmp_path)


def test_the_cache_is_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "skyreels_a2" / "scenes"
