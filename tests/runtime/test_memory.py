import pytest
import torch

from skyreels_a2.errors import MemoryLimitError
from skyreels_a2.runtime.memory import explain_out_of_memory, free_bytes


def test_a_failed_allocation_says_how_much_was_needed_and_what_to_try():
    with (
        pytest.raises(MemoryLimitError, match=r"1048576\.0 GiB more.*are free.*smaller --size"),
        explain_out_of_memory("a huge video"),
    ):
        torch.empty(2**50, dtype=torch.uint8)


def test_pythons_own_memory_error_is_told_too():
    with (
        pytest.raises(MemoryLimitError, match="a huge video"),
        explain_out_of_memory("a huge video"),
    ):
        bytearray(2**60)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="something else"), explain_out_of_memory("a video"):
        raise RuntimeError("something else")


def test_free_memory_is_there():
    assert free_bytes() > 2**20
