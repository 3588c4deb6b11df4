from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2.scenes.captions import Mention, join
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.motions import MOTIONS
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import FOOTAGE, Direction
from skyreels_a2.scenes.words import article, gerund, third_person

SOURCE = BuiltinSource()
OPPOSITE = {"left": "right", "right": "left"}


@given(seed=st.integers(0, 2**63))
def test_every_element_is_named_where_its_span_says(seed):
    scene = sample_scene(SOURCE, seed)
    caption = scene.caption
    assert {p.element for p in caption.phrases} == {m.id for m in scene.cast}
    for member in scene.cast:
        names = {member.asset.name, *getattr(member.asset, "aliases", ())}
        assert caption.phrase_of(member.id) in names


@given(seed=st.integers(0, 2**63))
def test_spans_are_apart_and_inside_sentences(seed):
    caption = sample_scene(SOURCE, seed).caption
    spans = sorted((p.start, p.end) for p in caption.phrases)
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert caption.text[0].isupper()
    assert caption.text.endswith(".")
    assert "  " not in caption.text
    assert "{" not in caption.text


@given(seed=st.integers(0, 2**63))
def test_two_elements_are_never_named_alike(seed):
    scene = sample_scene(SOURCE, seed)
    names = [scene.caption.phrase_of(m.id) for m in scene.cast]
    assert len(set(names)) == len(names)


@given(seed=st.integers(0, 2**63))
def test_the_words_of_each_shot_are_kept_in_the_whole(seed):
    scene = sample_scene(SOURCE, seed, spec=FOOTAGE)
    whole = scene.caption
    assert whole.text == " ".join(shot.caption.text for shot in scene.shots)
    parts = [s.caption.words(p) for s in scene.shots for p in s.caption.phrases]
    assert [whole.words(p) for p in whole.phrases] == parts


def test_directions_are_spoken_of():
    for seed in range(300):
        scene = sample_scene(SOURCE, seed)
        (shot,) = scene.shots
        for actor in shot.actors:
            if not actor.bond and actor.direction in {Direction.LEFT, Direction.RIGHT}:
                forms = [
                    form
                    for verb in MOTIONS[actor.motion].verbs[actor.subject.role]
                    for form in (third_person(verb), f"is {gerund(verb)}")
                ]
                assert any(form in scene.caption.text for form in forms)


def test_wording_varies():
    texts = {sample_scene(SOURCE, seed).caption.text for seed in range(60)}
    assert len(texts) == 60
    assert len({text.split()[0] for text in texts}) >= 4


def test_pieces_become_text_and_spans():
    caption = join(["a ", Mention("x", "red fox"), " runs. ", "it ", "stops."])
    assert caption.text == "A red fox runs. It stops."
    assert caption.words(caption.phrases[0]) == "red fox"
    assert caption.phrase_of("nobody") is None


@pytest.mark.parametrize(
    ("verb", "third", "ing"),
    [
        ("walk to the left", "walks to the left", "walking to the left"),
        ("run", "runs", "running"),
        ("fly up", "flies up", "flying up"),
        ("stay in place", "stays in place", "staying in place"),
        ("move", "moves", "moving"),
        ("cross the scene", "crosses the scene", "crossing the scene"),
        ("go out", "goes out", "going out"),
        ("lie there", "lies there", "lying there"),
    ],
)
def test_verbs_are_inflected(verb, third, ing):
    assert third_person(verb) == third
    assert gerund(verb) == ing


def test_articles():
    nouns = ("owl", "red fox", "unicorn", "umbrella", "one-eyed monster", "x-ray")
    assert [article(n) for n in nouns] == ["an", "a", "a", "an", "a", "an"]


def test_captions_are_short_enough_to_read():
    lengths = [len(sample_scene(SOURCE, s).caption.text.split()) for s in range(200)]
    assert np.mean(lengths) < 50
    assert max(lengths) < 110
