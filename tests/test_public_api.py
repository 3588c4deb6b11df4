"""What `import skyreels_a2` gives, and how lightly."""

import subprocess
import sys

import pytest

import skyreels_a2

HEAVY = ("torch", "diffusers", "transformers", "numpy", "PIL", "av")


def test_public_names_are_those_that_resolve():
    assert skyreels_a2.__all__ == sorted(skyreels_a2.__all__)
    assert set(skyreels_a2.__all__) == {*skyreels_a2._HOME, "__version__"}
    assert dir(skyreels_a2) == skyreels_a2.__all__


@pytest.mark.parametrize("name", sorted(skyreels_a2._HOME))
def test_each_public_name_resolves_and_introduces_itself(name):
    value = getattr(skyreels_a2, name)
    assert value.__name__ == name
    assert value.__module__ == f"skyreels_a2.{skyreels_a2._HOME[name]}"
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Magic'"):
        _ = skyreels_a2.Magic


def test_star_import_gives_all():
    namespace = {}
    exec("from skyreels_a2 import *", namespace)
    assert set(skyreels_a2.__all__) <= set(namespace)


def loaded_after(code):
    script = f"{code}\nimport sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()[-1]


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_after("import skyreels_a2; skyreels_a2.Element; skyreels_a2.VideoSpec")
    assert loaded == "[]"


def test_help_loads_no_torch():
    loaded = loaded_after("from skyreels_a2.cli.main import run; run(['--help'])")
    assert not {"torch", "diffusers", "transformers"} & set(eval(loaded))


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert skyreels_a2.__version__ == version("skyreels-a2")
