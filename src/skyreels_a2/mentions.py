"""`@name` in prompts: finding, checking and replacing it. Plain text in, plain text out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from skyreels_a2.errors import CompositionError

_NAME = r"[^\W\d_](?:[\w-]*\w)?"
_MENTION = re.compile(rf"(?<![\w@.])@({_NAME})")


def is_name(text: str) -> bool:
    """Whether a prompt could say `@text`."""
    return re.fullmatch(_NAME, text) is not None


def mentioned_names(prompt: str) -> list[str]:
    """Names that the prompt calls as `@name`, in order, each once."""
    return list(dict.fromkeys(_MENTION.findall(prompt)))


def resolve_mentions(prompt: str, spoken: Mapping[str, str]) -> str:
    """Replace every `@name` by what is spoken for it.

    Args:
        prompt: Text with any number of `@name`; an address such as `a@b.org` is left alone.
        spoken: Name to the words that take its place.

    Raises:
        CompositionError: A name that nobody has; the message gives the nearest one.
    """
    for name in mentioned_names(prompt):
        if name not in spoken:
            raise CompositionError(_unknown(name, list(spoken)))
    return _MENTION.sub(lambda match: spoken[match[1]], prompt)


def unmentioned_names(prompt: str, described: Mapping[str, str | None]) -> Iterator[str]:
    """Names of elements that the prompt speaks of neither by name nor by description."""
    text = prompt.casefold()
    called = mentioned_names(prompt)
    rest = _MENTION.sub("@", prompt).casefold()  # @anna-lena does not call anna
    for name, description in described.items():
        if name in called or re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", rest):
            continue
        if description and description.casefold() in text:
            continue
        yield name


def _unknown(name: str, known: list[str]) -> str:
    if not known:
        return f"the prompt says @{name}, but no element has a name: name one, e.g. {name}=FILE"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return (
        f"the prompt says @{name}, but no element has that name: did you mean @{nearest}? "
        f"(known: {', '.join('@' + k for k in known)})"
    )
