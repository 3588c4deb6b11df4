from pathlib import Path

import pytest
from PIL import Image

from skyreels_a2 import Composition, Element, Role
from skyreels_a2.errors import CompositionError

ANNA = Element.character("anna.png", name="anna", description="a woman in red")
BEAR = Element.object("bear.png", name="bear")
FOREST = Element.background("forest.jpg")


@pytest.mark.parametrize(
    ("make", "role"),
    [
        (Element.character, Role.CHARACTER),
        (Element.object, Role.OBJECT),
        (Element.background, Role.BACKGROUND),
    ],
)
def test_constructors_take_a_path_a_picture_or_several(make, role):
    picture = Image.new("RGB", (4, 4))
    for given, expected in [
        ("a.png", (Path("a.png"),)),
        (Path("a.png"), (Path("a.png"),)),
        (picture, (picture,)),
        (["a.png", picture], (Path("a.png"), picture)),
    ]:
        element = make(given)
        assert element.role is role
        assert element.pictures == expected


def test_an_element_needs_a_picture():
    with pytest.raises(CompositionError, match="anna has no picture"):
        Element.character([], name="anna")


@pytest.mark.parametrize("strength", [0.0, -1.0, 1.5, float("nan")])
def test_strength_is_above_zero_and_at_most_one(strength):
    with pytest.raises(CompositionError, match=r"\(0, 1\]"):
        Element.object("a.png", strength=strength)


@pytest.mark.parametrize("name", ["", "two words", "@anna", "3po", "-x", "a-"])
def test_a_name_must_be_sayable(name):
    with pytest.raises(CompositionError, match="cannot be used as @name"):
        Element.object("a.png", name=name)


def test_references_are_all_pictures_in_order():
    views = Element.character(["front.png", "side.png"], name="anna")
    references = Composition("x", (views, FOREST)).references
    assert [reference.picture.name for reference in references] == [
        "front.png",
        "side.png",
        "forest.jpg",
    ]
    assert [reference.role for reference in references] == ["character", "character", "background"]


def test_labels_are_the_name_the_file_or_the_role():
    picture = Element.object(Image.new("RGB", (4, 4)))
    composition = Composition("x", (ANNA, FOREST, picture))
    assert [r.label for r in composition.references] == ["anna", "forest.jpg", "object"]


def test_text_says_descriptions_and_names():
    assert Composition("@anna lifts @bear.", (ANNA, BEAR)).text == "a woman in red lifts bear."


def test_role_text_says_what_each_is_and_not_what_it_looks_like():
    elements = (
        Element.character("a.png", name="rex", description="red dog"),
        Element.object("b.png", name="cup"),
        Element.background("c.png", description="dry field"),
    )
    told = Composition("A red dog and @rex lift @cup on a dry field. Red dogs bark.", elements)
    assert told.role_text == (
        "The character and the character lift the object on the place. Red dogs bark."
    )


def test_elements_by_roles_have_pictures_and_nothing_that_names_them():
    elements = (Element.character("a.png", name="rex", description="red dog", strength=0.5),)
    told = Composition("@rex runs.", elements).by_roles()
    assert told.text == told.role_text == "The character runs."
    assert told.elements == (Element.character("a.png", strength=0.5),)


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_refused(prompt):
    with pytest.raises(CompositionError, match="prompt is empty"):
        Composition(prompt, (ANNA,))


def test_no_element_is_refused():
    with pytest.raises(CompositionError, match="no element"):
        Composition("x", ())


def test_two_elements_of_one_name_are_refused():
    with pytest.raises(CompositionError, match="two elements are named 'anna'"):
        Composition("x", (ANNA, Element.object("b.png", name="anna")))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(CompositionError, match="did you mean @anna"):
        Composition("@ana waves", (ANNA, BEAR))


def test_elements_may_be_a_list():
    assert Composition("x", [ANNA]) == Composition("x", (ANNA,))


def test_remarks_name_the_unmentioned_and_count_references():
    assert list(Composition("@anna waves", (ANNA, FOREST)).remarks()) == []
    (remark,) = Composition("@anna waves", (ANNA, BEAR)).remarks()
    assert "'bear'" in remark


def test_more_references_than_the_weights_saw_are_remarked():
    assert list(Composition("x", (FOREST,) * 3).remarks()) == []
    (remark,) = Composition("x", (FOREST,) * 4).remarks()
    assert "4 references" in remark
    views = Element.character(["front.png", "side.png", "back.png"])
    (remark,) = Composition("x", (views, FOREST)).remarks()
    assert "at most 3" in remark
