import re
from dataclasses import replace

import pytest
from test_plan import BIG, planned

from skyreels_a2.runtime.advice import advice_after
from skyreels_a2.runtime.choices import Wishes
from skyreels_a2.runtime.hardware import GIB, detect, parse_gpu
from skyreels_a2.runtime.plan import make_plan


@pytest.mark.parametrize("gpu", ["h200", "80GB", "40GB"])
def test_what_would_take_less_is_named_with_its_peak(gpu):
    plan = planned(gpu)
    told = advice_after(plan, BIG, parse_gpu(gpu))
    counted, lighter = map(float, re.findall(r"(\d+\.\d+) GiB", told))
    assert counted == pytest.approx(plan.peak / GIB, abs=0.01)
    assert lighter < counted
    # What it promises is what the flag that it names then does.
    assert "--low-memory" in told
    assert planned(gpu, preset="low-memory").peak / GIB == pytest.approx(lighter, abs=0.01)


def test_the_least_plan_has_nothing_below_it():
    least = planned("24GB", preset="low-memory")
    assert "smaller --size" in advice_after(least, BIG, parse_gpu("24GB"))


def test_without_a_gpu_nothing_is_moved():
    cpu = replace(detect("cpu"), memory=200 * GIB)
    plan = make_plan(BIG, cpu, Wishes())
    assert "by-block" not in advice_after(plan, BIG, cpu)
