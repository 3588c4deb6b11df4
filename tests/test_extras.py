import json

import pytest

from skyreels_a2.errors import MissingExtraError, one_line
from skyreels_a2.extras import require


def test_what_is_there_is_imported():
    assert require("json", extra="dev") is json


def test_what_is_missing_says_how_to_install_it():
    with pytest.raises(MissingExtraError, match=r"pip install 'skyreels-a2\[train\]'") as error:
        require("no_such_package", extra="train")
    assert isinstance(error.value, ImportError)


def test_an_errors_text_becomes_one_short_line():
    assert one_line(ValueError("a\n  b\tc")) == "a b c"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 1000), limit=50)) == 51
