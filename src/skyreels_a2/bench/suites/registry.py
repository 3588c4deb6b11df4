"""Suites by name, as a command line asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from skyreels_a2.bench.suites.a2_bench import read_a2_bench
from skyreels_a2.bench.suites.intelligentvbench import read_intelligentvbench
from skyreels_a2.bench.suites.opens2v import read_opens2v
from skyreels_a2.bench.suites.scenes_50 import read_scenes_50
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.bench.suites.vbench import read_vbench
from skyreels_a2.errors import InputError

READERS: Mapping[str, Callable[[Path], Suite]] = {
    "opens2v": read_opens2v,
    "intelligentvbench": read_intelligentvbench,
    "vbench": read_vbench,
}
NAMES = ("scenes-50", "a2-bench", *READERS)


def open_suite(
    name: str, cases: Path | None = None, *, fields: Mapping[str, str] | None = None
) -> Suite:
    """A suite by name.

    Args:
        name: One of `NAMES`.
        cases: Its case file or folder; `scenes-50` is built in and takes none.
        fields: For `a2-bench`: our field names to those of the file.

    Raises:
        InputError: An unknown name, or the file is absent or not what it should be.
    """
    if name not in NAMES:
        raise InputError(f"no suite is called {name!r}: use {', '.join(NAMES)}")
    if name == "scenes-50":
        if cases is not None:
            raise InputError("scenes-50 is built in and takes no --cases: use a2-bench for yours")
        return read_scenes_50()
    if cases is None:
        raise InputError(f"suite {name} needs its case file: give it with --cases")
    if not cases.exists():
        raise InputError(f"case file {cases} is not there: check the path")
    return read_a2_bench(cases, fields) if name == "a2-bench" else READERS[name](cases)
