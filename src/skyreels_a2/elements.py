"""Elements and compositions: what shall appear in a video, and what it shall do.

A `Composition` is a prompt and its ordered elements. It is what is requested, trained on and
benchmarked. Pictures are kept as given (a path or a PIL picture) and opened only by `media`:
nothing here reads a file, and nothing here knows of tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from skyreels_a2.errors import CompositionError
from skyreels_a2.mentions import is_name, resolve_mentions, unmentioned_names

if TYPE_CHECKING:
    from PIL.Image import Image

# As strings, so that importing them does not bring Pillow.
PictureSource: TypeAlias = "Path | Image"
Pictures: TypeAlias = "str | Path | Image | Sequence[str | Path | Image]"

PUBLISHED_MAX_REFERENCES = 3
"""References that the published weights saw together in training (SkyReels-A2, section 4)."""


class Role(StrEnum):
    """What an element is in the scene. The role alone decides how its pictures are fitted."""

    CHARACTER = "character"
    OBJECT = "object"
    BACKGROUND = "background"


_SPOKEN = {Role.CHARACTER: "character", Role.OBJECT: "object", Role.BACKGROUND: "place"}


@dataclass(frozen=True, slots=True)
class Element:
    """A thing that shall appear: one or more pictures of it, and what it is.

    Attributes:
        role: Character, object or background.
        pictures: One or more views, each a path or a PIL picture. Each fills one latent frame.
        name: What the prompt may call it, as `@name`.
        description: What `@name` becomes in the text that the model reads; the name if absent.
        strength: Weight of the reference in (0, 1]; below 1 its conditioning is drawn towards
            the conditioning of no reference at all.
    """

    role: Role
    pictures: tuple[PictureSource, ...]
    name: str | None = None
    description: str | None = None
    strength: float = 1.0

    def __post_init__(self) -> None:
        label = self.name or self.role.value
        if not self.pictures:
            raise CompositionError(f"{label} has no picture: give at least one")
        if not 0.0 < self.strength <= 1.0:
            raise CompositionError(f"{label} has strength {self.strength:g}: give one in (0, 1]")
        if self.name is not None and not is_name(self.name):
            raise CompositionError(
                f"element name {self.name!r} cannot be used as @name: "
                "use letters, digits, '_' and '-', and start with a letter"
            )

    @classmethod
    def character(
        cls,
        pictures: Pictures,
        *,
        name: str | None = None,
        description: str | None = None,
        strength: float = 1.0,
    ) -> Element:
        """A person, animal or figure that acts, from one or several pictures of it."""
        return cls(Role.CHARACTER, _sources(pictures), name, description, strength)

    @classmethod
    def object(
        cls,
        pictures: Pictures,
        *,
        name: str | None = None,
        description: str | None = None,
        strength: float = 1.0,
    ) -> Element:
        """A thing that is worn, held or stands about, from one or several pictures of it."""
        return cls(Role.OBJECT, _sources(pictures), name, description, strength)

    @classmethod
    def background(
        cls,
        pictures: Pictures,
        *,
        name: str | None = None,
        description: str | None = None,
        strength: float = 1.0,
    ) -> Element:
        """The place it happens in, from one or several pictures of it; cropped to fill."""
        return cls(Role.BACKGROUND, _sources(pictures), name, description, strength)


@dataclass(frozen=True, slots=True)
class Reference:
    """One picture of one element: the unit that fills one latent frame."""

    element: Element
    picture: PictureSource

    @property
    def role(self) -> Role:
        """Role of the element it shows."""
        return self.element.role

    @property
    def label(self) -> str:
        """What to call it in messages and on sheets: the name, the file, or the role."""
        if self.element.name:
            return self.element.name
        return self.picture.name if isinstance(self.picture, Path) else self.role.value


@dataclass(frozen=True, slots=True)
class Composition:
    """A prompt and its ordered elements.

    Raises:
        CompositionError: Empty prompt, no element, two elements of one name, or a prompt that
            says `@name` of an element which is not there.
    """

    prompt: str
    elements: tuple[Element, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        if not self.prompt.strip():
            raise CompositionError("the prompt is empty: say what happens in the video")
        if not self.elements:
            raise CompositionError(
                "no element was given: add at least one character, object or background"
            )
        names = [element.name for element in self.elements if element.name]
        for name in names:
            if names.count(name) > 1:
                raise CompositionError(
                    f"two elements are named {name!r}: give each its own name, "
                    "or give one element several pictures"
                )
        _ = self.text

    @property
    def text(self) -> str:
        """The prompt as the model reads it: every `@name` replaced by its description."""
        spoken = {e.name: e.description or e.name for e in self.elements if e.name}
        return resolve_mentions(self.prompt, spoken)

    @property
    def role_text(self) -> str:
        """The prompt with roles in the place of names and descriptions, as far as it has them.

        What the elements look like is then only in their pictures.
        """
        spoken = {e.name: f"the {_SPOKEN[e.role]}" for e in self.elements if e.name}
        text = resolve_mentions(self.prompt, spoken)
        for element in self.elements:
            if element.description:
                said = rf"\b(?:an?\s+|the\s+)?{re.escape(element.description)}\b"
                role = f"the {_SPOKEN[element.role]}"
                text = re.sub(said, role, text, flags=re.IGNORECASE)
        return text[:1].upper() + text[1:]

    def by_roles(self) -> Composition:
        """The same elements, asked for by their roles: prompt and elements say no more."""
        elements = (replace(e, name=None, description=None) for e in self.elements)
        return Composition(self.role_text, tuple(elements))

    @property
    def references(self) -> tuple[Reference, ...]:
        """All pictures of all elements in order: reference i fills latent frame i."""
        return tuple(Reference(e, picture) for e in self.elements for picture in e.pictures)

    def remarks(self) -> Iterator[str]:
        """What is allowed, yet likely not what was meant; one line each."""
        names = {e.name: e.description for e in self.elements if e.name}
        for name in unmentioned_names(self.prompt, names):
            yield f"the prompt never mentions {name!r}: say what it does, e.g. with @{name}"
        if len(self.references) > PUBLISHED_MAX_REFERENCES:
            yield (
                f"{len(self.references)} references: the published weights were trained with at "
                f"most {PUBLISHED_MAX_REFERENCES} and never saw more; some may not appear"
            )


def _sources(pictures: Pictures) -> tuple[PictureSource, ...]:
    """One picture or several, with strings taken as paths."""
    if isinstance(pictures, str | Path) or not isinstance(pictures, Sequence):
        pictures = [pictures]
    return tuple(Path(p) if isinstance(p, str) else p for p in pictures)
