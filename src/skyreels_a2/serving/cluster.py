"""Replicas over machines on Ray Serve. The only file that knows Ray.

Every replica is the whole server: the same API, a worker of its own, and the job store they share
in PostgreSQL. A replica that is killed leaves a lease that runs out; another takes its job up.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from skyreels_a2.extras import require
from skyreels_a2.serving.settings import ServerSettings

logger = logging.getLogger(__name__)

_NAME = "skyreels-a2"
_ONGOING = 1000


def serve_on_ray(
    settings: ServerSettings,
    *,
    host: str,
    port: int,
    replicas: int,
    on_listening: Callable[[], None],
) -> None:
    """Run replicas on the cluster until SIGINT or SIGTERM.

    Joins the cluster that `RAY_ADDRESS` names, or starts one of this machine.

    Args:
        settings: Of every replica; the data folder is one that all machines share.
        host, port: Where the proxies listen.
        replicas: How many.
        on_listening: Called once requests are taken.

    Raises:
        MissingExtraError: Ray Serve is not installed.
    """
    ray: Any = require("ray", extra="cluster")
    serve: Any = require("ray.serve", extra="cluster")
    ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    serve.start(http_options={"host": host, "port": port, "location": "EveryNode"})
    shared = replace(settings, data=settings.data.resolve())
    serve.run(_application(serve, shared, replicas), name=_NAME, route_prefix="/", blocking=False)
    on_listening()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    serve.shutdown()
    ray.shutdown()


def _application(serve: Any, settings: ServerSettings, replicas: int) -> Any:
    """The deployment; each replica starts a server of its own."""
    gpus = sum(device.startswith("cuda") for device in settings.devices)

    def build() -> Any:
        from skyreels_a2.serving.api import create_app
        from skyreels_a2.serving.server import Server

        return create_app(Server(settings))

    deployment = serve.deployment(
        serve.ingress(build)(),
        name=_NAME,
        num_replicas=replicas,
        max_ongoing_requests=_ONGOING,
        ray_actor_options={"num_cpus": 1, "num_gpus": gpus},
        health_check_period_s=5,
    )
    return deployment.bind()
