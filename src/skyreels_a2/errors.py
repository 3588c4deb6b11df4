"""Every error this package raises on purpose.

    SkyReelsA2Error
    ├── InputError            something that was given cannot be used (also a ValueError)
    │   ├── CompositionError  elements and prompt
    │   ├── PictureError      one reference picture
    │   ├── SpecError         size, number of frames, frame rate
    │   ├── SamplingError     steps, guidance, scheduler
    │   ├── ModelError        a model folder, name or LoRA file
    │   └── OutputError       where the result should go, a full disk included
    ├── MissingExtraError     an optional package is not installed (also an ImportError)
    └── MemoryLimitError      it does not fit; says how much was needed

A message says what was given, what is allowed and what to do, in one line. The command line
prints it alone and exits with `exit_code`. This module knows nothing else of the package.
"""

from __future__ import annotations


class SkyReelsA2Error(Exception):
    """Base of all errors of this package."""

    exit_code = 1


class InputError(SkyReelsA2Error, ValueError):
    """Something that was given cannot be used."""

    exit_code = 2


class CompositionError(InputError):
    """The elements or the prompt cannot make a composition."""


class PictureError(InputError):
    """A reference picture is missing, unreadable or of no use."""


class SpecError(InputError):
    """A size, number of frames or frame rate that no model can make."""


class SamplingError(InputError):
    """A sampling setting outside its range, or an unknown name of one."""


class ModelError(InputError):
    """A model folder, hub name or LoRA file that cannot be opened as what it claims to be."""


class OutputError(InputError):
    """The result cannot be written where it was asked for."""


class MissingExtraError(SkyReelsA2Error, ImportError):
    """An optional package is needed and not installed."""

    exit_code = 2


class MemoryLimitError(SkyReelsA2Error):
    """The work does not fit into memory."""


def one_line(error: BaseException, *, limit: int = 300) -> str:
    """Text of a library's error on one line, cut where it turns into a novel."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else f"{text[:limit]}…"
