import pytest

from skyreels_a2.errors import InputError
from skyreels_a2.runtime.hardware import GIB, detect, parse_gpu


@pytest.mark.parametrize(
    ("text", "gib"),
    [("rtx4090,24GB", 24), ("RTX4090", 24), ("12", 12), ("40GB", 40), ("h100, 20 GiB", 20)],
)
def test_named_gpus_and_sizes(text, gib):
    assert parse_gpu(text).memory == gib * GIB


@pytest.mark.parametrize("text", ["voodoo2", "rtx4090,many", "0GB", ""])
def test_unknown_gpus_are_refused_with_the_known_ones(text):
    with pytest.raises(InputError, match=r"use a size \(24GB\), or one of rtx3060"):
        parse_gpu(text)


def test_this_machine_has_memory_and_computes():
    here = detect("cpu")
    assert here.device == "cpu"
    assert here.memory > 2**20
    assert here.flops > 1e6
