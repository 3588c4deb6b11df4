"""Inputs that would hang or burst a worker, and a disk that is full: what is sound goes on."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from material import SETTINGS
from PIL import Image

from skyreels_a2.data.build import Plan, build
from skyreels_a2.data.check import check

BUILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
from material import SETTINGS
from skyreels_a2.data.build import Plan, build
from skyreels_a2.errors import OutputError
try:
    build(Path(sys.argv[1]), Path(sys.argv[2]), Plan(SETTINGS, 1))
except OutputError as error:
    sys.exit(f"error: {error}")
"""


def long_gif(path, count):
    """A GIF of so many frames: those of a short one over and over."""
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    content = path.read_bytes()
    first, second = [i for i in range(len(content)) if content[i : i + 3] == b"\x21\xf9\x04"][:2]
    path.write_bytes(content[:second] + content[first:second] * (count - 1) + b";")


def bomb(path, side):
    """A small PNG that unpacks to side × side pixels."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(side + 1)) for _ in range(side)) + rows.flush()
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.fixture
def videos(raw, tmp_path):
    """One sound video with a subject; tests add others."""
    folder = tmp_path / "videos"
    folder.mkdir()
    sound = sorted((raw / "videos").iterdir())[1]
    (folder / "sound.mp4").write_bytes(sound.read_bytes())
    return folder


def test_bombs_are_dropped_with_the_reason_and_sound_videos_stay(videos, tmp_path):
    long_gif(videos / "long.gif", 50_000)
    bomb(videos / "bomb.mp4", 30_000)
    assert (videos / "bomb.mp4").stat().st_size < 2_000_000
    settings = SETTINGS.with_settings(["probe.max_frames=20000", "limits.memory_mb=2048"])
    gathered = build(videos, tmp_path / "out", Plan(settings, 1))
    reasons = {d.what: d.reason for d in gathered.dropped if d.stage in ("probe", "limits")}
    assert sorted(reasons.values()) == ["not readable", "too many frames"]
    assert gathered.shots


def test_a_source_that_needs_too_much_memory_is_set_aside(videos, tmp_path):
    settings = SETTINGS.with_settings(
        ["limits.memory_mb=256", "limits.attempts=1", "limits.seconds=30"]
    )
    gathered = build(videos, tmp_path / "out", Plan(settings, 1))
    (dropped,) = gathered.dropped
    assert dropped.reason == "set aside"
    assert "256 MB of memory" in dropped.detail, dropped.detail
    assert not gathered.shots


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_full_disk_ends_the_build_in_one_line_and_the_next_goes_on(videos, tmp_path, share):
    build(videos, tmp_path / "whole", Plan(SETTINGS, 1))
    largest = max(path.stat().st_size for path in (tmp_path / "whole").rglob("*.mp4"))
    limit = round(share * largest)
    out = tmp_path / "out"
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", BUILD, str(videos), str(out)]
    stopped = subprocess.run(
        [*command, str(limit)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("error: ")
    assert "free some space" in stopped.stderr or "make room" in stopped.stderr
    assert stopped.stderr.count("\n") == 1
    assert not [path for path in out.rglob("*") if path.name.endswith(".part")]
    assert build(videos, out, Plan(SETTINGS, 1)).shots
    assert list(check(out)) == []
