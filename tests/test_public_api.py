"""What `import skyreels_a2` gives, and how lightly."""

import json
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


def heavy_packages_loaded_by(code):
    """Heavy packages that a fresh Python loads for the code."""
    script = (
        "import json, sys\n"
        f"try:\n    {code}\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code", ["import skyreels_a2", "from skyreels_a2 import Composition, Element, VideoSpec"]
)
def test_importing_the_package_loads_nothing_heavy(code):
    assert heavy_packages_loaded_by(code) == set()


def test_help_loads_no_torch():
    code = "from skyreels_a2.cli.main import main; sys.argv[1:] = ['--help']; main()"
    assert not heavy_packages_loaded_by(code) & {"torch", "diffusers", "transformers"}


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "skyreels_a2", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "generate" in result.stdout


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert skyreels_a2.__version__ == version("skyreels-a2")
