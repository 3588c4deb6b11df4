"""What only a real process can show: signals, limits, start-up."""

import resource
import signal
import subprocess
import sys
import time

import pytest

# A process that dies of the signal itself is 128 + its number to a shell, too: Python does so
# when the interrupt hits code that an import executes.
INTERRUPTED = {128 + signal.SIGINT, -signal.SIGINT}


def only_pictures_and_nothing_half_written(folder):
    return [path.name for path in folder.rglob("*")] == []


def test_ctrl_c_while_sampling_exits_130_and_leaves_nothing(start, quick, tmp_path):
    process = start(*quick[:-2], "--steps", "100000", "-o", "out.mp4")
    assert "seed" in process.stderr.readline()
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in INTERRUPTED
    assert "Traceback" not in err
    assert only_pictures_and_nothing_half_written(tmp_path)


def test_what_libraries_say_of_themselves_is_not_shown(start):
    process = start("plan", "a2-tiny")
    out, err = process.communicate(timeout=120)
    assert "resident" in out
    assert err == ""


@pytest.mark.parametrize(
    ("number", "codes"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, {143})]
)
def test_a_signal_while_writing_leaves_no_half_file(start, quick, tmp_path, number, codes):
    flags = [*quick, "--frames", "401", "--steps", "1", "-o", "out.mp4"]
    process = start(*flags)
    deadline = time.monotonic() + 120
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode in codes
    assert "Traceback" not in err
    assert only_pictures_and_nothing_half_written(tmp_path)


def test_a_full_disk_is_one_line_and_leaves_nothing(start, quick, tmp_path):
    process = start(*quick, "-o", "out.mp4", limit=(resource.RLIMIT_FSIZE, 1000))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "out.mp4" in errors[0]
    assert "Traceback" not in err
    assert only_pictures_and_nothing_half_written(tmp_path)


def test_out_of_memory_says_how_much_and_what_to_try(start, quick):
    flags = [*quick, "--frames", "160001", "--size", "320x320", "-o", "out.mp4"]
    process = start(*flags, limit=(resource.RLIMIT_AS, 5 * 2**30))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "GiB more" in err
    assert "smaller --size" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback_wherever_it_stands(start):
    for arguments in (["--debug", "show", "gone.mp4"], ["show", "gone.mp4", "--debug"]):
        process = start(*arguments)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "Traceback" in err


def test_bad_input_is_refused_before_torch_is_loaded(quick, tmp_path):
    script = (
        "import sys; from skyreels_a2.cli.main import run; "
        "code = run(sys.argv[1:]); print(code, 'torch' in sys.modules)"
    )
    for flags in (["--frames", "6"], ["--character", "gone.png"], ["-o", "out.docx"]):
        command = [sys.executable, "-c", script, *map(str, quick), *flags]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert result.stdout.split() == ["2", "False"]
