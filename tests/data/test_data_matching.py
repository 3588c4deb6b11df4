import numpy as np
import pytest
from material import JUDGED

from skyreels_a2.data.duplicates import drop_duplicates
from skyreels_a2.data.hashes import distance, picture_hash
from skyreels_a2.data.matching import match
from skyreels_a2.data.neighbours import nearest
from skyreels_a2.data.records import (
    CaptionedShot,
    DissectedShot,
    Found,
    JudgedShot,
    Kind,
    PersonShot,
)
from skyreels_a2.data.settings import MatchSettings, Settings, SplitSettings
from skyreels_a2.data.sides import TEST, split

RNG = np.random.default_rng(0)


def unit(vector):
    return tuple((np.asarray(vector) / np.linalg.norm(vector)).tolist())


def a_hash(rng=RNG):
    return rng.bytes(32).hex()


def shot(source, number, vectors, hashes=None):
    shot_id = f"{source}-{number:04d}"
    changes = {"shot_id": shot_id, "source_id": source, "number": number, "start": 10.0 * number}
    own = JUDGED.shot.model_copy(update={**changes, "stop": 10.0 * number + 2})
    judged = JudgedShot(
        shot=own, scores=JUDGED.scores, hashes=hashes or tuple(a_hash() for _ in range(3))
    )
    elements = tuple(
        Found(
            element_id=f"{shot_id}-{i}",
            kind=Kind.CHARACTER,
            frame=0,
            box=(0, 0, 1, 1),
            path="",
            score=1,
            presence=1,
            hash=a_hash(),
            embedding=unit(vector),
        )
        for i, vector in enumerate(vectors)
    )
    dissected = DissectedShot(judged=judged, elements=elements)
    person = PersonShot(dissected=dissected, elements=elements)
    return CaptionedShot(person=person, caption="x", phrases=(), concepts={}, captioner="test")


def near(vector, cosine):
    """A unit vector at a cosine from another."""
    other = RNG.normal(size=len(vector))
    other -= other @ vector * np.asarray(vector)
    return cosine * np.asarray(vector) + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)


@pytest.fixture
def anna():
    return np.asarray(unit(RNG.normal(size=32)))


BAND = MatchSettings(subject_band=(0.6, 0.95))


def test_references_come_from_other_shots_inside_the_band(anna):
    same, copy = shot("b", 0, [near(anna, 0.8)]), shot("c", 0, [near(anna, 0.99)])
    matches = match([shot("a", 0, [anna]), same, copy], BAND)
    slot = matches.slots["a-0000-0"][0]
    assert (slot.reference_id, slot.pair_kind) == ("b-0000-0", "cross_shot")
    assert slot.similarity == pytest.approx(0.8, abs=0.01)
    assert slot.gap_s == -1
    assert len(set(matches.identities.values())) == 1


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ([], 0.92),
        (["elements.segmenter=drawn"], 0.94),
        (["elements.segmenter=drawn", "elements.embedder=features"], 0.6),
        (["elements.segmenter=drawn", "match.subject_band=[0.8, 0.9]"], 0.8),
    ],
)
def test_the_band_suits_what_cuts_out_and_compares_and_a_given_one_comes_first(changes, least):
    assert Settings().with_settings(changes).matching.subject_band[0] == least


def test_without_a_match_the_own_picture_is_marked(anna):
    stranger = shot("b", 0, [near(anna, 0.2)])
    shots = [shot("a", 0, [anna]), stranger]
    slot = match(shots, BAND).slots["a-0000-0"][0]
    assert (slot.reference_id, slot.pair_kind) == ("a-0000-0", "same_shot")
    no_fall_back = BAND.model_copy(update={"same_shot": False})
    assert not match(shots, no_fall_back).slots.get("a-0000-0")


def with_face(own, vector):
    """The shot with a face of its first subject."""
    first = own.elements[0]
    face = first.model_copy(
        update={
            "element_id": f"{first.element_id}-face",
            "kind": Kind.FACE,
            "embedding": tuple(vector),
            "part_of": first.element_id,
        }
    )
    person = own.person.model_copy(update={"elements": (*own.elements, face)})
    return own.model_copy(update={"person": person})


def test_where_both_have_a_face_it_decides(anna):
    settings = BAND.model_copy(update={"face_band": (0.5, 0.9)})
    face = unit(RNG.normal(size=16))
    target = with_face(shot("a", 0, [anna]), face)
    in_other_clothes = with_face(shot("b", 0, [near(anna, 0.1)]), near(face, 0.7))
    double = with_face(shot("c", 0, [near(anna, 0.9)]), near(face, 0.1))
    copy = with_face(shot("d", 0, [near(anna, 0.3)]), near(face, 0.95))
    matches = match([target, in_other_clothes, double, copy], settings)
    slots = matches.slots["a-0000-0"]
    assert [(s.reference_id, s.similarity) for s in slots] == [("b-0000-0", pytest.approx(0.7))]
    assert matches.identities["c-0000-0"] != matches.identities["a-0000-0"]
    turned_away = shot("e", 0, [near(anna, 0.85)])
    slots = match([target, turned_away], settings).slots["a-0000-0"]
    assert [s.reference_id for s in slots] == ["e-0000-0"]


def test_a_gap_can_be_asked_for(anna):
    shots = [shot("a", 0, [anna]), shot("a", 1, [near(anna, 0.8)]), shot("a", 9, [near(anna, 0.7)])]
    far = BAND.model_copy(update={"min_gap_seconds": 60})
    slot = match(shots, far).slots["a-0000-0"][0]
    assert slot.reference_id == "a-0009-0"
    assert slot.gap_s == pytest.approx(88)


def test_neighbours_are_those_of_all_pairs():
    vectors = RNG.normal(size=(200, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    indices, alike = nearest(vectors, 3)
    expected = np.argsort(-cosines, axis=1)[:, :3]
    assert (indices == expected).mean() > 0.97
    np.testing.assert_allclose(alike[:, 0], cosines.max(axis=1), atol=0.05)
    assert nearest(vectors[:1], 3)[0].shape == (1, 0)


def test_sides_share_neither_source_nor_identity(anna):
    shots = [shot("a", 0, [anna]), shot("b", 0, [near(anna, 0.8)])]
    shots += [shot(f"s{i}", 0, [RNG.normal(size=32)]) for i in range(18)]
    matches = match(shots, BAND)
    sides = split(shots, matches.identities, SplitSettings(test_share=0.3))
    assert sides["a-0000"] == sides["b-0000"]
    assert list(sides.values()).count(TEST) == 6
    more = [*shots, shot("zz", 0, [RNG.normal(size=32)])]
    again = split(more, match(more, BAND).identities, SplitSettings(test_share=0.3))
    assert sum(again[s] != side for s, side in sides.items()) <= 2


def test_a_shot_that_begins_later_is_a_near_duplicate_of_the_whole(scene_frames):
    whole = tuple(picture_hash(scene_frames[i]) for i in range(0, 25, 6))
    late = tuple(picture_hash(scene_frames[i]) for i in range(8, 25, 6))
    shots = [shot("a", 0, [[1, 0]], whole), shot("b", 0, [[1, 0]], late), shot("c", 0, [[1, 0]])]
    assert [d.what for d in drop_duplicates(shots, 8)[1]] == ["b-0000"]


def test_near_duplicates_go_and_the_first_stays(scene_frames):
    hashes = tuple(picture_hash(scene_frames[i]) for i in (0, 12, 24))
    darker = (scene_frames * 0.9).astype(np.uint8)
    alike = tuple(picture_hash(darker[i]) for i in (0, 12, 24))
    shots = [shot("a", 0, [[1, 0]], hashes), shot("b", 0, [[1, 0]], alike), shot("c", 0, [[1, 0]])]
    kept, dropped = drop_duplicates(shots, 8)
    assert [s.shot.shot_id for s in kept] == ["a-0000", "c-0000"]
    assert [d.what for d in dropped] == ["b-0000"]
    assert distance(hashes[0], hashes[2]) > 0
