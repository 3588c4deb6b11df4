"""Servers of the drawing composer.

`python drawing_server.py --data … --port 0` is one. `python drawing_server.py --fork` starts one
for every line that it reads, `{"arguments": […], "log": "…"}`, and tells its process id: forked
off a process that has imported everything, a server is there in a tenth of a second.
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawing import drawing_model

from skyreels_a2.cli import main, serve


def run(arguments):
    """Be one server."""
    serve.served_model = lambda choice: drawing_model(choice.name)
    return main.run(["serve", *arguments])


def fork_servers():
    """Fork one for every line."""
    import skyreels_a2.serving.api
    import skyreels_a2.serving.listening
    import skyreels_a2.serving.server  # noqa: F401  (before the fork, for all)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed ones leave no zombies
    for line in sys.stdin:
        told = json.loads(line)
        if pid := os.fork():
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 2)
        os.dup2(log, 1)
        os.close(log)
        os.close(0)
        os._exit(run(told["arguments"]))


if __name__ == "__main__":
    if sys.argv[1:] == ["--fork"]:
        fork_servers()
    else:
        raise SystemExit(run(sys.argv[1:]))
