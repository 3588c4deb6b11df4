"""A ledger: JSON lines that are appended as soon as they are known, and survive a kill.

A line is complete or, if the process died while writing it, the last and cut off: reading leaves
such a line out, and the next append begins a new one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyreels_a2.media.atomic import output_errors


@dataclass(frozen=True, slots=True)
class Ledger:
    """Lines of JSON objects in a file that may not be there yet."""

    path: Path

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a line and bring it to disk.

        Raises:
            OutputError: The disk is full, or the folder is gone.
        """
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        with output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            cut_off = self._is_cut_off()
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{text}\n" if cut_off else f"{text}\n")
                file.flush()
                os.fsync(file.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """All complete lines, in order."""
        if not self.path.is_file():
            return
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row

    def _is_cut_off(self) -> bool:
        if not self.path.is_file() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
