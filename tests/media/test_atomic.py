"""Writing aside: complete under the name, or nothing at all."""

import errno
import os
from pathlib import Path

import pytest

from skyreels_a2.errors import OutputError
from skyreels_a2.media.atomic import output_errors, try_folder, write_aside


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def half_written(target, error, *, folder=False, overwrite=False):
    with write_aside(target, overwrite=overwrite) as part:
        if folder:
            part.mkdir()
        (part / "b" if folder else part).write_text("half")
        raise error


def test_name_appears_only_when_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    with write_aside(target) as part:
        part.write_text("complete")
        assert not target.exists()
        assert part.parent == tmp_path
    assert target.read_text() == "complete"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("folder", [False, True])
def test_nothing_is_left_of_an_interrupted_block(tmp_path, error, folder):
    with pytest.raises(error):
        half_written(tmp_path / "a", error, folder=folder)
    assert names(tmp_path) == []


def test_interrupted_block_keeps_what_was_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("former")
    with pytest.raises(RuntimeError):
        half_written(target, RuntimeError, overwrite=True)
    assert target.read_text() == "former"
    assert names(tmp_path) == ["a.txt"]


def test_name_taken_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "a.txt"

    def write_late():
        with write_aside(target) as part:
            part.write_text("late")
            target.write_text("first")

    with pytest.raises(OutputError, match="meanwhile"):
        write_late()
    assert target.read_text() == "first"
    assert names(tmp_path) == ["a.txt"]


def test_file_is_replaced_if_wanted(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("former")
    with write_aside(target, overwrite=True) as part:
        part.write_text("new")
    assert target.read_text() == "new"


@pytest.mark.parametrize("former", [[], ["old.txt"]])
def test_folder_is_swapped_whole(tmp_path, former):
    target = tmp_path / "frames"
    target.mkdir()
    for name in former:
        (target / name).touch()
    with write_aside(target, overwrite=bool(former)) as part:
        part.mkdir()
        (part / "new.txt").touch()
    assert names(target) == ["new.txt"]
    assert names(tmp_path) == ["frames"]


def test_longest_name_the_system_allows(tmp_path):
    target = tmp_path / ("n" * 255)
    with write_aside(target) as part:
        part.touch()
    assert target.exists()


def test_folder_gone_meanwhile_is_an_output_error(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()

    def write_nowhere():
        with write_aside(folder / "a.txt"):
            folder.rmdir()

    with pytest.raises(OutputError, match=r"a\.txt cannot be written"):
        write_nowhere()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_says_what_to_do(tmp_path, number):
    with (
        pytest.raises(OutputError, match="free some space") as caught,
        output_errors(tmp_path / "a.mp4"),
    ):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(caught.value)
    assert os.strerror(number) in str(caught.value)


def test_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    try_folder(tmp_path / "a" / "b")
    assert names(tmp_path / "a" / "b") == []


def test_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another path"):
        try_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody may write to")
def test_folder_that_nobody_may_write_to_is_refused():
    with pytest.raises(OutputError, match="/proc/self cannot be written"):
        try_folder(Path("/proc/self"))
