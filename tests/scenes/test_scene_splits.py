from collections import Counter

from skyreels_a2.scenes.assets import Subject, assets_in
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.splits import (
    EVERY,
    Split,
    assets_of,
    choose_held_out,
    held_out_ids,
    split_of,
)


def test_the_committed_list_follows_the_rule():
    source = BuiltinSource()
    committed = sorted(i for i in held_out_ids() if i.startswith("builtin/"))
    assert committed == choose_held_out(source)


def test_every_tenth_of_each_role_is_held_out():
    assets = assets_in(BuiltinSource())
    totals = Counter(a.role for a in assets)
    held_out = Counter(a.role for a in assets if split_of(a) is Split.HELD_OUT)
    assert {role: total // EVERY for role, total in totals.items()} == held_out


def test_fetched_assets_have_a_list_too():
    fluent = [i for i in held_out_ids() if i.startswith("fluent/")]
    assert len(fluent) > 100
    # Three views of one panorama stay together.
    places = Counter(i.rpartition("-")[0] for i in fluent if i[-2:] in {"-0", "-1", "-2"})
    assert set(places.values()) == {3}


def test_the_sides_never_meet():
    subjects = BuiltinSource().subjects
    train = assets_of(subjects, Split.TRAIN)
    held_out = assets_of(subjects, Split.HELD_OUT)
    assert not {s.id for s in train} & {s.id for s in held_out}
    assert not {s.kin for s in train} & {s.kin for s in held_out}
    assert len(train) + len(held_out) == len(assets_of(subjects, None)) == len(subjects)


def test_families_stay_together():
    class Twins(BuiltinSource):
        @property
        def subjects(self) -> tuple[Subject, ...]:
            every = super().subjects
            return tuple(
                Subject(s.id, s.name, s.role, family=f"family-{n // 2}")
                for n, s in enumerate(every)
            )

    source = Twins()
    chosen = set(choose_held_out(source))
    for one, two in zip(source.subjects[::2], source.subjects[1::2], strict=True):
        if one.role is two.role:
            assert (one.id in chosen) == (two.id in chosen)


def test_scenes_keep_to_their_side():
    source = BuiltinSource()
    for split in Split:
        for seed in range(40):
            scene = sample_scene(source, seed, split=split)
            assert {split_of(m.asset) for m in scene.cast} == {split}
