import pytest

from skyreels_a2.cli.main import run
from skyreels_a2.data.exchange.importers import import_folder
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.training.triplets import ManifestTriplets
from skyreels_a2.video import VideoSpec


@pytest.fixture
def source(tmp_path, make_video, make_picture):
    """One good example and one of each that cannot be used."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name in ("good", "no-caption", "no-reference", "wrong-role", "unknown-name"):
        make_video(folder / f"{name}.mp4")
        (folder / f"{name}.txt").write_text("@anna holds a ball.\n")
        make_picture(folder / name / "character-anna.png", "red")
    make_picture(folder / "good/character-anna_2.png", "orange")
    make_picture(folder / "good/object.png", "blue")
    (folder / "no-caption.txt").unlink()
    (folder / "no-reference/character-anna.png").unlink()
    make_picture(folder / "wrong-role/holiday.png", "green")
    (folder / "unknown-name.txt").write_text("@otto sleeps.")
    (folder / "broken.mp4").write_bytes(b"no video at all")
    (folder / "broken.txt").write_text("A thing.")
    make_picture(folder / "broken/object.png", "blue")
    return folder


def test_a_plain_folder_can_be_trained_on_at_once(source, tmp_path):
    imported = import_folder(source, tmp_path / "out")
    assert len(imported.rows) == 1
    triplets = ManifestTriplets(tmp_path / "out", VideoSpec(32, 32, 13, 8))
    triplet = triplets.triplet(0)
    assert triplet.video.frames.shape == (13, 32, 32, 3)
    roles = [reference.role for reference in triplet.composition.references]
    assert roles == [Role.CHARACTER, Role.CHARACTER, Role.OBJECT]
    assert triplet.composition.text == "anna holds a ball."


def test_what_cannot_be_used_is_counted_with_its_reason(source, tmp_path):
    imported = import_folder(source, tmp_path / "out")
    assert imported.dropped == {
        "no caption": 1,
        "no reference": 1,
        "reference of no role": 1,
        "broken file": 2,
    }
    assert any("wrong-role: reference of no role" in line for line in imported.details)
    assert any("@otto" in line for line in imported.details)


def test_importing_again_adds_what_is_new(source, tmp_path):
    import_folder(source, tmp_path / "out")
    kept = tmp_path / "out/videos/good.mp4"
    before = kept.stat().st_ino
    (source / "no-caption.txt").write_text("A late caption.")
    imported = import_folder(source, tmp_path / "out")
    assert [row.video.stem for row in imported.rows] == ["good", "no-caption"]
    assert kept.stat().st_ino == before, "what was there is not written again"


def test_a_folder_without_examples_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing was found"):
        import_folder(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="is no folder"):
        import_folder(tmp_path / "missing", tmp_path / "out")


def test_an_imported_set_can_be_looked_at_and_checked(source, tmp_path, capsys):
    out = tmp_path / "out"
    import_folder(source, out)
    assert run(["data", "show", str(out)]) == 0
    assert capsys.readouterr().out.split() == ["1", "@anna", "holds", "a", "ball."]
    assert run(["data", "show", str(out), "1"]) == 0
    told = "".join(capsys.readouterr().out.split())
    assert "character" in told
    assert told.count(".png") == 3
    assert run(["data", "check", str(out)]) == 0
    video = out / "videos/good.mp4"
    video.write_bytes(video.read_bytes()[:100])
    assert run(["data", "check", str(out)]) != 0
    assert "triplet 1" in capsys.readouterr().out
