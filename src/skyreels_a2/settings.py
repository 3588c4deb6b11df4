"""Settings in sections: frozen, checked, and changed by `section.key=value`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from skyreels_a2.errors import InputError


class Section(BaseModel):
    """Settings that belong together; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sections(Section):
    """All settings of something: sections by name."""

    def with_settings(self, settings: Iterable[str]) -> Self:
        """The same with values replaced.

        Args:
            settings: `section.key=value`, e.g. `optim.lr=1e-5`; the value is YAML.

        Raises:
            InputError: An unknown key, or a value that cannot be.
        """
        content: dict[str, Any] = self.model_dump()
        for setting in settings:
            path, equals, text = setting.partition("=")
            section, _, key = path.partition(".")
            if not equals or key not in content.get(section, {}):
                raise InputError(
                    f"no setting {setting!r}: use KEY=VALUE of {_known(content, path)}"
                )
            # YAML 1.1 reads 1e-5 as text; pydantic then reads the text as a number.
            content[section][key] = yaml.safe_load(text)
        try:
            return type(self).model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"{where} is {first['input']!r}: {first['msg']}") from error


def _known(content: dict[str, Any], section: str) -> str:
    """The keys of the section that was named, or of all."""
    chosen = {section: content[section]} if section in content else content
    return ", ".join(f"{name}.{key}" for name, keys in chosen.items() for key in keys)
