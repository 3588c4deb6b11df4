import numpy as np
import pytest
import torch

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.conditioning.dual_encoder import DualEncoder
from skyreels_a2.errors import ModelError
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.references import pose_on_white
from skyreels_a2.scenes.scene import ReferencePose
from skyreels_a2.scenes.splits import Split, split_of
from skyreels_a2.training.dual_encoder import (
    DualEncoderTask,
    Sample,
    before,
    info_nce,
    retrieval,
    same_kin,
    same_name,
)
from skyreels_a2.video import VideoSpec

SOURCE = BuiltinSource()
SPEC = VideoSpec(48, 32, 17, 10)


@pytest.fixture
def task(own_pipeline):
    torch.manual_seed(0)
    model = DualEncoder(
        own_pipeline.image_encoder.requires_grad_(requires_grad=True),
        own_pipeline.text_encoder,
        image_processor=own_pipeline.image_processor,
        tokenizer=own_pipeline.tokenizer,
        dim=16,
    )
    return DualEncoderTask(model, SOURCE, SPEC)


def generators(indices):
    return [torch.Generator().manual_seed(index) for index in indices]


def named(name):
    return next(subject for subject in SOURCE.subjects if subject.name == name)


def sample_of(asset, name=None):
    name = name or asset.name
    return Sample(asset, name, name, (), "", moves=False)


def test_it_learns_a_handful_by_heart(task):
    indices = list(range(8))
    samples = [task.sample(i, g) for i, g in zip(indices, generators(indices), strict=True)]
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=3e-3)
    found = []
    for _ in range(60):
        optimizer.zero_grad()
        losses, figures = task.contrast(samples)
        losses.mean().backward()
        optimizer.step()
        found.append(float(losses.detach().mean()))
    assert found[-1] < found[0] / 4
    with torch.no_grad():
        one, other = (
            task.model.embed_pictures(task.model.pixels([s.pictures[k] for s in samples]))
            for k in (0, 1)
        )
        names = task.model.embed_texts([s.phrase for s in samples])
    assert retrieval(one @ names.T, same_name(samples)) == 1
    assert retrieval(one @ other.T, same_kin(samples)) == 1
    assert set(figures) == {"named", "views", "scenes"}


def test_a_number_and_a_generator_give_the_same_sample_and_only_trained_identities(task):
    first, second = (task.sample(3, torch.Generator().manual_seed(3)) for _ in range(2))
    assert (first.phrase, first.caption) == (second.phrase, second.caption)
    for a, b in zip(first.pictures, second.pictures, strict=True):
        assert np.array_equal(a, b)
    drawn = [task.sample(i, g) for i, g in zip(range(12), generators(range(12)), strict=True)]
    assert {split_of(sample.asset) for sample in drawn} == {Split.TRAIN}
    held_out = task.sample(3, torch.Generator().manual_seed(3), Split.HELD_OUT)
    assert split_of(held_out.asset) is Split.HELD_OUT


def test_the_same_identity_is_no_negative():
    subject = SOURCE.subjects[0]
    other = next(s for s in SOURCE.subjects if s.kin != subject.kin)
    samples = [sample_of(subject), sample_of(subject), sample_of(other)]
    excluded = same_kin(samples)
    assert excluded.tolist() == [[False, True, False], [True, False, False], [False] * 3]
    vectors = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0], [0, 1]]), dim=1)
    scale = torch.tensor(100.0)
    assert info_nce(vectors, vectors, scale, excluded).max() < 1e-6
    blind = info_nce(vectors, vectors, scale, torch.zeros(3, 3, dtype=torch.bool))
    assert blind[:2].tolist() == pytest.approx([np.log(2)] * 2, abs=1e-4)


def test_a_name_that_is_true_of_another_is_no_negative():
    spotted = next(s for s in SOURCE.subjects if "orange dog" in s.aliases)
    other = next(s for s in SOURCE.subjects if s.role is not spotted.role)
    samples = [sample_of(spotted), sample_of(other, "orange dog"), sample_of(other)]
    assert same_name(samples)[0].tolist() == [False, True, False]
    assert not same_name(samples)[1:, 0].any()


def test_a_backdrop_is_seen_where_white_was():
    sprite = SOURCE.sprite(SOURCE.subjects[0].id)
    look = ReferencePose(1, True, 8.0, 0.8)
    shown = pose_on_white(sprite, look, side=64)
    white, blue = (
        np.asarray(before(shown, sprite, look, shown.copy().convert("RGB").point(table)))
        for table in ([255] * 768, [0] * 512 + [255] * 256)
    )
    assert np.abs(white.astype(int) - np.asarray(shown)).max() <= 1
    assert white[0, 0].tolist() == [255] * 3
    assert blue[0, 0].tolist() == [0, 0, 255]
    assert np.abs(blue[32, 32].astype(int) - white[32, 32]).max() <= 2


def test_what_is_exported_opens_and_embeds_the_same(task, own_pipeline, tmp_path):
    own_pipeline.save_pretrained(tmp_path)
    task.export(tmp_path)
    assert next(task.model.parameters()).dtype is torch.float32
    opened = DualEncoder.from_folder(tmp_path)
    pictures = [task.sample(i, g).pictures[0] for i, g in enumerate(generators(range(3)))]
    with torch.no_grad():
        for model in (task.model, opened):
            assert not model.training
        seen = [m.embed_pictures(m.pixels(pictures)) for m in (task.model, opened)]
        said = [m.embed_texts(["a red fox", "a boat"]) for m in (task.model, opened)]
        ends = [
            m.embed_videos(*(m.pixels([p]) for p in pictures[:2])) for m in (task.model, opened)
        ]
    for a, b in (seen, said, ends):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0)
        torch.testing.assert_close(a.norm(dim=1), torch.ones(len(a)))
    assert opened.picture_similarity(pictures[0], pictures[0]) == pytest.approx(1, abs=1e-5)
    assert -1 <= opened.text_similarity(pictures[0], "a red fox") <= 1
    SkyReelsA2Pipeline.from_pretrained(tmp_path)


def test_padding_does_not_change_a_text(task):
    with torch.no_grad():
        alone = task.model.embed_texts(["a red fox"])
        beside = task.model.embed_texts(["a red fox", "a girl with black hair and a blue dress"])
    torch.testing.assert_close(alone[0], beside[0], atol=1e-5, rtol=0)


def test_a_folder_without_a_dual_encoder_is_told(model_folder):
    with pytest.raises(ModelError, match="no dual encoder"):
        DualEncoder.from_folder(model_folder)


def test_validation_is_near_chance_before_training(task, tmp_path):
    figures = task.validate(tmp_path, 0)
    assert set(figures) == {
        "name_retrieval",
        "view_retrieval",
        "place_name_retrieval",
        "place_view_retrieval",
        "caption_retrieval",
        "direction",
    }
    assert figures["name_retrieval"] < 0.3
    assert all(0 <= figure <= 1 for figure in figures.values())
