"""A real headless Chromium for tests, driven by its debugging protocol."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium():
    """The browser's command, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One page of one browser; a context manager."""

    def __init__(self, profile, *, size=(1100, 900)):
        self.profile = Path(profile)
        self.size = size

    def __enter__(self):
        self.process = subprocess.Popen(
            [
                *(find_chromium(), "--headless=new", "--no-sandbox", "--disable-gpu"),
                *("--remote-debugging-port=0", f"--user-data-dir={self.profile}"),
                *("--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"),
                *(f"--window-size={self.size[0]},{self.size[1]}", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = self._wait(lambda: (self.profile / "DevToolsActivePort").read_text().split()[0])
        pages = self._wait(lambda: self._pages(port))
        from websockets.sync.client import connect

        self.connection = connect(pages[0]["webSocketDebuggerUrl"], max_size=None)
        self.socket = self.connection.__enter__()
        self.number = 0
        return self

    def __exit__(self, *_):
        self.connection.__exit__(None, None, None)
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def open(self, path):
        """Open a file and wait until it is read."""
        self.run("window.isOld=true")
        self.send("Page.navigate", url=Path(path).resolve().as_uri())
        self.until(
            "document.readyState==='complete'&&!window.isOld&&"
            f"location.pathname.endsWith({json.dumps(Path(path).name)})"
        )

    def reload(self):
        """Read the page anew, as a user's reload does."""
        self.run("window.isOld=true")
        self.send("Page.reload")
        self.until("document.readyState==='complete'&&!window.isOld")

    def reload_until(self, expression):
        """Reload until an expression is true."""
        self._wait(lambda: self.reload() or self.run(expression) or None)

    def store_until_kept(self):
        """Wait until what a page stores outlives a reload.

        A browser that has just started opens its storage behind the page's back, and drops what
        a page that is gone by then had stored.
        """
        self._wait(lambda: self._is_kept("localStorage.kept=1", "localStorage.kept") or None)
        self.run("localStorage.removeItem('kept')")

    def _is_kept(self, store, stored):
        self.run(store)
        self.reload()
        return self.run(stored)

    def run(self, expression):
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression):
        """Wait until an expression is true."""
        self._wait(lambda: self.run(expression) or None)

    def screenshot(self, path):
        """Write what is seen as PNG."""
        Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def send(self, method, **params):
        """Ask the browser and wait for its answer."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=60))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _pages(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as reply:
            return [page for page in json.load(reply) if page["type"] == "page"] or None

    def _shown(self):
        """What stands on the page and in its storage, for a failure's message."""
        with contextlib.suppress(Exception):
            return self.run(
                "document.body.innerText.slice(0,200)+' / stored: '+JSON.stringify(localStorage)"
            )
        return "no page"

    def _wait(self, what, deadline=90.0):
        until = time.monotonic() + deadline
        while True:
            try:
                if (found := what()) is not None:
                    return found
            except (OSError, IndexError):
                pass
            assert time.monotonic() < until, f"the browser does not answer: {self._shown()}"
            time.sleep(0.05)
