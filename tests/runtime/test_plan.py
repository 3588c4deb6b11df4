import pytest

from skyreels_a2.errors import InputError, MemoryLimitError
from skyreels_a2.runtime.hardware import GIB, Hardware, parse_gpu
from skyreels_a2.runtime.plan import PHASES, Needs, Wishes, make_plan

BIG = Needs(
    weights={
        "text_encoder": 11 * GIB, "image_encoder": 2 * GIB, "transformer": 30 * GIB,
        "vae": GIB // 2,
    },
    stored={"plain": 30 * GIB, "fp8": 15 * GIB, "int8": 15 * GIB},
    block={"transformer": 3 * GIB // 4, "text_encoder": GIB // 3},
    rest={"transformer": GIB // 2, "text_encoder": 2 * GIB},
    activations={
        "text": GIB // 8, "pictures": GIB // 8, "encode": 6 * GIB, "sample": 4 * GIB,
        "sample_batch": 8 * GIB, "decode": 7 * GIB, "decode_tiled": 6 * GIB,
    },
    flops={
        "text": 5e12, "pictures": 1e12, "encode": 1e14, "sample": 1.7e15, "decode": 2e14,
        "decode_tiled": 4e14,
    },
    kept=2 * GIB,
    num_tokens=32760,
    num_heads=40,
    num_passes=2,
    num_steps=50,
)  # fmt: skip


def planned(gpu, **wishes):
    return make_plan(BIG, parse_gpu(gpu), Wishes(**wishes))


@pytest.mark.parametrize("gib", [8, 12, 16, 24, 40, 80, 141])
def test_every_plan_fits_and_says_why(gib):
    plan = planned(f"{gib}GB")
    assert plan.peak <= gib * GIB
    assert set(plan.peaks) == set(PHASES)
    assert all(plan.why.values())


def test_more_memory_is_never_slower():
    seconds = [planned(f"{gib}GB").total_seconds for gib in (8, 12, 16, 24, 40, 80, 141)]
    assert seconds == sorted(seconds, reverse=True)


def test_all_weights_stay_where_they_fit():
    assert planned("80GB").placement == "resident"
    assert planned("24GB").placement == "by-block"
    assert planned("24GB").moved["sample"] > 0
    assert planned("80GB").moved["sample"] == 0


def test_balanced_rounds_nothing_where_anything_else_fits():
    plan = planned("12GB")
    assert plan.storage == "plain"
    assert not plan.half_vae


def test_exact_is_as_published():
    plan = planned("80GB", preset="exact")
    ways = (plan.memo, plan.batch_guidance, plan.fused, plan.compile, plan.step_cache)
    assert not any(ways)


def test_low_memory_takes_the_least():
    assert planned("80GB", preset="low-memory").peak < planned("80GB").peak


def test_fast_caches_and_compiles():
    plan = planned("80GB", preset="fast")
    assert plan.step_cache
    assert plan.compile


def test_every_choice_can_be_set():
    plan = planned("80GB", placement="by-component", storage="fp8", vae_tiling=True, memo=False)
    assert (plan.placement, plan.storage, plan.vae_tiling, plan.memo) == (
        *("by-component", "fp8"),
        True,
        False,
    )


def test_several_devices_share_passes_then_heads():
    shared = make_plan(BIG, parse_gpu("80GB", count=4), Wishes()).parallelism
    assert (shared.guidance, shared.ulysses, shared.ring) == (2, 2, 1)
    assert make_plan(BIG, parse_gpu("80GB", count=3), Wishes()).parallelism.ring == 3


def test_more_devices_are_faster_and_offload_still_fits():
    one, four = (make_plan(BIG, parse_gpu("24GB", count=n), Wishes()) for n in (1, 4))
    assert four.seconds["sample"] < one.seconds["sample"]
    assert four.placement == "by-block"


def test_what_does_not_fit_is_told_with_what_would():
    with pytest.raises(MemoryLimitError, match="--low-memory would fit"):
        planned("24GB", placement="resident")
    with pytest.raises(MemoryLimitError, match="smaller --size"):
        planned("1GB")


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        ({"preset": "exact", "step_cache": "fbc"}, "exclude each other"),
        ({"preset": "exact", "storage": "fp8"}, "exclude each other"),
        ({"step_cache": "fbc", "placement": "by-block"}, "skips blocks"),
    ],
)
def test_wrong_combinations_are_refused_with_the_reason(wishes, reason):
    with pytest.raises(InputError, match=reason):
        planned("80GB", **wishes)


@pytest.mark.parametrize("field", ["preset", "placement", "storage"])
def test_unknown_names_are_refused(field):
    with pytest.raises(InputError, match=f"{field} 'soon' is unknown: use"):
        Wishes(**{field: "soon"})


def test_offload_without_a_gpu_is_refused():
    cpu = Hardware(name="here", device="cpu", memory=64 * GIB, host_memory=64 * GIB, flops=1e11)
    with pytest.raises(InputError, match="there is none here"):
        make_plan(BIG, cpu, Wishes(placement="by-block"))
