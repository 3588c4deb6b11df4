import pytest

from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.training.fidelity.suite import Suite


@pytest.fixture(scope="session")
def suite():
    return Suite(BuiltinSource(), count=4)


@pytest.fixture(scope="session")
def cases(suite):
    return list(suite)
