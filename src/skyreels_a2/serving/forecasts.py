"""What the planner says of requests, found out in a process of its own.

Counting takes seconds and half a gigabyte of libraries: the server has neither to spare, so it
asks, answers its client without, and has the number when the client looks again.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from skyreels_a2.errors import one_line
from skyreels_a2.serving.jobs import Order
from skyreels_a2.serving.models import Forecast, ForecastOf, ServedModel
from skyreels_a2.serving.offspring import end_with_server

logger = logging.getLogger(__name__)

_Key: TypeAlias = tuple[object, ...]
_KEPT = 512
_AT_ONCE = 8
"""Sizes that may wait to be counted: somebody who drags a slider wants the last only."""
_NICENESS = 10


class Forecaster:
    """Forecasts by size, kept once they are known.

    Args:
        device: Where the models run, as the workers are told it.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._asked = OrderedDict[_Key, Future[Forecast]]()

    def ask(self, model: ServedModel, order: Order) -> Forecast | None:
        """The forecast of an order, or None while it is not known: ask again.

        Args:
            model: Which model.
            order: What would be made; its pictures need not exist.
        """
        if model.forecast is None:
            return Forecast()
        key = _key(model, order)
        with self._lock:
            future = self._asked.get(key)
            if future is None:
                self._submit(key, model.forecast, order)
                return None
        return _result(future)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._pool is not None:
                # The pool itself would wait for what its process is doing.
                for process in list((self._pool._processes or {}).values()):  # noqa: SLF001
                    process.kill()
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _submit(self, key: _Key, forecast: ForecastOf, order: Order) -> None:
        if sum(not future.done() for future in self._asked.values()) >= _AT_ONCE:
            return
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
        try:
            self._asked[key] = self._pool.submit(_forecast, forecast, self._device, order)
        except BrokenProcessPool:
            self._pool = None
        while len(self._asked) > _KEPT:
            self._asked.popitem(last=False)


def _result(future: Future[Forecast]) -> Forecast | None:
    if not future.done():
        return None
    error = future.exception()
    if error is None:
        return future.result()
    logger.warning("no forecast: %s", one_line(error))
    return Forecast()


def _key(model: ServedModel, order: Order) -> _Key:
    sampling = order.sampling
    pictures = sum(len(element.pictures) for element in order.elements)
    return model.name, order.spec, pictures, sampling.num_inference_steps, sampling.num_passes


def _begin() -> None:
    end_with_server()
    with suppress(OSError):
        os.nice(_NICENESS)


def _forecast(forecast: ForecastOf, device: str, order: Order) -> Forecast:
    return forecast(device, order.request(Path()))
