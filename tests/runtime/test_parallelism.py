import pytest

from skyreels_a2.errors import InputError, ModelError
from skyreels_a2.runtime.parallelism import Parallelism, parse_parallelism, share_out


@pytest.mark.parametrize(
    ("degrees", "processes", "device", "reason"),
    [
        (Parallelism(ulysses=3), 3, "cuda", "does not divide the model's 4 attention heads"),
        (Parallelism(ulysses=2), 4, "cuda", "there are 4 processes"),
        (Parallelism(ring=2), 2, "cpu", "use ulysses"),
        (Parallelism(guidance=4), 4, "cuda", "2 passes at most"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(degrees, processes, device, reason):
    with pytest.raises(ModelError, match=reason):
        degrees.check(num_heads=4, num_processes=processes, device=device)


def test_degrees_are_read_and_nonsense_is_refused():
    assert parse_parallelism("guidance=2, ulysses=3") == Parallelism(guidance=2, ulysses=3)
    for text in ("ulysses", "ulysses=0", "ulysses=two", "tensor=2", ""):
        with pytest.raises(InputError, match="use guidance=N"):
            parse_parallelism(text)


@pytest.mark.parametrize("devices", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("passes", [1, 2])
def test_all_devices_get_work(devices, passes):
    shared = share_out(devices, passes, 12)
    assert shared.degree == devices
    shared.check(num_heads=12, num_processes=devices, device="cuda")
