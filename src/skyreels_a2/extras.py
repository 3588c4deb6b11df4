"""The one door to optional packages: `require` imports them or says which extra brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from skyreels_a2.errors import MissingExtraError


def require(module: str, *, extra: str = "", install: str = "") -> ModuleType:
    """Import an optional module.

    Args:
        module: Importable name, e.g. `"yaml"`.
        extra: The extra of this distribution that installs it.
        install: What pip is given instead, for a package that no extra can bring.

    Raises:
        MissingExtraError: It is not installed; the message gives the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        asked = install or f"'skyreels-a2[{extra}]'"
        raise MissingExtraError(
            f"{module} is needed here and not installed: pip install {asked}"
        ) from error
