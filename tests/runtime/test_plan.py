from dataclasses import replace

import pytest

from skyreels_a2.errors import InputError, MemoryLimitError
from skyreels_a2.runtime.choices import PHASES, STORAGES, Needs, Wishes
from skyreels_a2.runtime.combinations import check_interval
from skyreels_a2.runtime.hardware import GIB, Hardware, parse_gpu
from skyreels_a2.runtime.parallelism import Parallelism
from skyreels_a2.runtime.plan import make_plan

BIG = Needs(
    weights={
        "text_encoder": 11 * GIB, "image_encoder": 2 * GIB, "transformer": 30 * GIB,
        "vae": GIB // 2,
    },
    stored={"plain": 30 * GIB, "fp8": 15 * GIB, "int8": 15 * GIB, "gguf": 9 * GIB},
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
    matrix=GIB // 8,
    kept=2 * GIB,
    cached={"fbc": 2 * GIB, "mag": GIB, "sea": GIB, "taylor": GIB // 16},
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


@pytest.mark.parametrize("gib", [8, 12, 16])
def test_fast_does_without_a_cache_where_blocks_come_by_turns(gib):
    plan = planned(f"{gib}GB", preset="fast")
    assert plan.placement == "by-block"
    assert plan.step_cache is None
    assert "wait for each other" in plan.why["step cache"]


def test_what_a_step_cache_keeps_is_in_the_peak():
    without, with_it = (planned("80GB", step_cache=name) for name in (None, "fbc:0.1"))
    assert with_it.peaks["sample"] - without.peaks["sample"] == 2 * GIB


@pytest.mark.parametrize("storage", STORAGES)
def test_smaller_weights_take_less_and_stand_beside_one_that_is_unpacked(storage):
    plan = planned("80GB", placement="by-component", storage=storage, memo=False)
    beside = plan.peaks["sample"] - BIG.stored[storage] - BIG.activations["sample"]
    assert beside == {"plain": 0, "fp8": 1, "int8": 1, "gguf": 3}[storage] * BIG.matrix


@pytest.mark.parametrize(
    "choice",
    [
        {"placement": "by-component"}, {"storage": "int8"}, {"vae_tiling": True},
        {"half_vae": True}, {"memo": False}, {"fused": False}, {"compile": True},
        {"step_cache": "taylor:4"}, {"attention": "sage"}, {"batch_guidance": True},
        {"parallelism": Parallelism(ulysses=2)},
    ],
)  # fmt: skip
def test_every_choice_can_be_set(choice):
    ((name, value),) = choice.items()
    plan = make_plan(BIG, parse_gpu("180GB", count=2), Wishes(**choice))
    assert getattr(plan, name) == value
    assert list(plan.why.values()).count("asked for") >= 1


def test_several_devices_share_passes_then_heads():
    shared = make_plan(BIG, parse_gpu("80GB", count=4), Wishes()).parallelism
    assert (shared.guidance, shared.ulysses, shared.ring) == (2, 2, 1)
    assert make_plan(BIG, parse_gpu("80GB", count=3), Wishes()).parallelism.ring == 3


def test_more_devices_are_faster_and_offload_still_fits():
    roomy = {n: replace(parse_gpu("24GB", count=n), host_memory=n * 64 * GIB) for n in (1, 4)}
    one, four = (make_plan(BIG, roomy[n], Wishes()) for n in (1, 4))
    assert four.seconds["sample"] < one.seconds["sample"]
    assert four.placement == "by-block"


def test_each_process_keeps_its_own_weights_in_the_machine():
    plan = make_plan(BIG, parse_gpu("24GB", count=4), Wishes())
    assert plan.placement == "by-block-on-disk"


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
        ({"preset": "exact", "storage": "gguf"}, "exclude each other"),
        ({"preset": "exact", "half_vae": True}, "exclude each other"),
        ({"preset": "exact", "memo": True}, "exclude each other"),
        ({"fused": True, "storage": "int8"}, "joins plain matrices"),
        ({"fused": True, "placement": "by-block"}, "weights in one place"),
        ({"storage": "int8", "placement": "by-block-on-disk"}, "another storage"),
        ({"step_cache": "sea", "parallelism": Parallelism(ulysses=2)}, "use mag or taylor"),
    ],
)
def test_wrong_combinations_are_refused_with_the_reason(wishes, reason):
    with pytest.raises(InputError, match=reason):
        planned("80GB", **wishes)


def test_a_calibrated_cache_and_guidance_that_begins_late_are_refused():
    with pytest.raises(InputError, match="begin at 0"):
        check_interval("mag:0.1", (0.2, 1))
    check_interval("mag", (0, 0.5))
    check_interval("taylor", (0.2, 1))
    check_interval(None, (0.2, 1))


@pytest.mark.parametrize("field", ["preset", "placement", "storage"])
def test_unknown_names_are_refused(field):
    with pytest.raises(InputError, match=f"{field} 'soon' is unknown: use"):
        Wishes(**{field: "soon"})


def test_offload_without_a_gpu_is_refused():
    cpu = Hardware(name="here", device="cpu", memory=64 * GIB, host_memory=64 * GIB, flops=1e11)
    with pytest.raises(InputError, match="there is none here"):
        make_plan(BIG, cpu, Wishes(placement="by-block"))
