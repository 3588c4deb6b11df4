import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2.errors import CompositionError
from skyreels_a2.mentions import is_name, mentioned_names, resolve_mentions, unmentioned_names

names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("@anna and @bear", ["anna", "bear"]),
        ("@anna, @anna!", ["anna"]),
        ("(@anna) '@bear'", ["anna", "bear"]),
        ("@anna-lena waves", ["anna-lena"]),
        ("@anna- waves", ["anna"]),
        ("write to a@b.org", []),
        ("@ anna @3 @@anna", []),
        ("@änne winkt", ["änne"]),
    ],
)
def test_names_are_found(prompt, found):
    assert mentioned_names(prompt) == found


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("write to a@b.org, @anna", "write to a@b.org, a woman"),
        ("first.last@anna.org", "first.last@anna.org"),
        ("@anna's hat", "a woman's hat"),
        ("then comes @anna.", "then comes a woman."),
        ("@anna-lena? @anna!", "two sisters? a woman!"),
        ("@anna- and\n@anna", "a woman- and\na woman"),
    ],
)
def test_names_end_with_the_word_and_addresses_stay(prompt, text):
    assert resolve_mentions(prompt, {"anna": "a woman", "anna-lena": "two sisters"}) == text


def test_what_is_spoken_is_taken_literally():
    assert resolve_mentions("@anna", {"anna": r"\1 @bear"}) == r"\1 @bear"


def test_the_nearest_name_is_suggested_and_all_are_listed():
    with pytest.raises(CompositionError) as error:
        resolve_mentions("@beer waves", {"anna": "", "bear": ""})
    assert "did you mean @bear?" in str(error.value)
    assert "known: @anna, @bear" in str(error.value)


@given(st.text().filter(lambda text: "@" not in text))
def test_text_without_mentions_is_left_alone(text):
    assert resolve_mentions(text, {"anna": "a woman"}) == text


@given(names, names)
def test_any_name_is_replaced_wherever_it_stands(name, other):
    assert is_name(name)
    assert resolve_mentions(f"@{name}. (@{name})", {other + "0": "Y", name: "X"}) == "X. (X)"


@given(names, st.lists(names, min_size=1, max_size=4))
def test_an_unknown_name_is_an_error_that_names_a_known_one(name, known):
    spoken = {other: other for other in known if other != name}
    if not spoken:
        return
    with pytest.raises(CompositionError) as error:
        resolve_mentions(f"@{name} waves", spoken)
    assert any(f"did you mean @{other}?" in str(error.value) for other in spoken)


def test_with_no_names_the_error_says_how_to_give_one():
    with pytest.raises(CompositionError, match="anna=FILE"):
        resolve_mentions("@anna waves", {})


@pytest.mark.parametrize(
    ("prompt", "unmentioned"),
    [
        ("@anna waves", ["bear"]),
        ("Anna lifts the bear", []),
        ("Annabel and bears", ["anna", "bear"]),
        ("a woman in red and the bear", []),
    ],
)
def test_elements_are_mentioned_by_name_or_description(prompt, unmentioned):
    described = {"anna": "a woman in red", "bear": None}
    assert list(unmentioned_names(prompt, described)) == unmentioned


def test_a_longer_name_does_not_mention_a_shorter_one():
    described = {"anna": None, "anna-lena": None}
    assert list(unmentioned_names("@anna-lena waves", described)) == ["anna"]
    assert list(unmentioned_names("@anna-lena waves to Anna", described)) == []
