"""Processes of a server end with it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def end_with_server() -> None:
    """Call first in a process of the server: a server that was killed cannot tell its processes.

    Ctrl-C reaches the whole group; the server decides what it means.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, name="server-watch", daemon=True).start()


def _watch() -> None:
    if (server := multiprocessing.parent_process()) is not None:
        server.join()
        os._exit(1)
