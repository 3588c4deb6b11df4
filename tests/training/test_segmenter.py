import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from skyreels_a2.data.backends.drawn import CLASSES, DrawnNetwork, DrawnSegmenter
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.settings import Settings
from skyreels_a2.elements import Role
from skyreels_a2.errors import ModelError
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.splits import Split
from skyreels_a2.training.segmenter import SCENES, SegmenterTask, classes_of, untrained

SOURCE = BuiltinSource()


@pytest.fixture
def task():
    return SegmenterTask(untrained(), [SOURCE])


def segmenter_of(folder):
    return DrawnSegmenter(Settings().with_settings([f"elements.drawn_model={folder}"]).elements)


def generator(number):
    return torch.Generator().manual_seed(number)


def test_every_pixel_is_what_the_renderer_knows_it_to_be():
    for seed in range(6):
        scene = render(sample_scene(SOURCE, seed, split=Split.TRAIN, spec=SCENES), SOURCE)
        classes = classes_of(scene, 2)
        for member in scene.scene.cast:
            seen = scene.mask(member.id, 2)
            wanted = {Role.CHARACTER: 1, Role.OBJECT: 2, Role.BACKGROUND: 0}[member.asset.role]
            assert (classes[seen] == wanted).all()


def test_a_number_and_a_generator_give_the_same_sample_and_others_another(task):
    frame, classes = task.sample(3, generator(5))
    again = task.sample(3, generator(5))
    assert np.array_equal(frame, again[0])
    assert np.array_equal(classes, again[1])
    assert frame.shape == (192, 320, 3)
    assert set(np.unique(classes)) <= set(range(len(CLASSES)))
    assert not np.array_equal(frame, task.sample(3, generator(6))[0])
    assert not np.array_equal(frame, task.sample(4, generator(5))[0])


def test_a_loss_does_not_depend_on_what_it_is_computed_with(task):
    with torch.no_grad():
        both, _ = task.losses([0, 1], [generator(0), generator(1)], 0.0)
        one, _ = task.losses([1], [generator(1)], 0.0)
    assert both[1] == pytest.approx(float(one[0]), rel=1e-4)


def test_it_learns_a_handful_by_heart_and_what_it_writes_opens(task, tmp_path):
    before = task.model.encoder._conv_stem.weight.detach().clone()
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=2e-3)
    found = []
    for _ in range(15):
        optimizer.zero_grad()
        losses, figures = task.losses([0, 1], [generator(0), generator(1)], 0.0)
        losses.mean().backward()
        optimizer.step()
        found.append(float(losses.detach().mean()))
    assert found[-1] < found[0] / 2
    assert figures["overlap"] > 0.5
    frame, classes = task.sample(0, generator(0))
    task.export(tmp_path / "segmenter")
    tracks = segmenter_of(tmp_path / "segmenter").tracks(Footage(np.stack([frame] * 3), 12))
    seen = np.any([s.mask for track in tracks for s in track.sightings], axis=0)
    assert (seen & (classes > 0)).sum() / (seen | (classes > 0)).sum() > 0.5
    # A run goes on from what another wrote.
    assert not torch.equal(task.model.encoder._conv_stem.weight, before)
    further = DrawnNetwork.opened(tmp_path / "segmenter")
    name, weight = next(iter(further.named_parameters()))
    assert weight.dtype == torch.float32
    assert torch.equal(weight, dict(task.model.named_parameters())[name].half().float())


def test_the_encoder_is_left_alone_until_the_head_can_read_it():
    task = SegmenterTask(untrained(), [SOURCE], head_alone=0.5)
    for progress, learns in ((0.2, False), (0.7, True)):
        task.model.zero_grad()
        task.losses([0], [generator(0)], progress)[0].sum().backward()
        assert (task.model.encoder._conv_stem.weight.grad is not None) is learns
        assert all(p.grad is not None for p in task.model.head.classifier.parameters())


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_a_folder_that_holds_something_else_is_refused_in_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="segmenter of drawn footage") as raised:
        segmenter_of(tmp_path)
    assert "\n" not in str(raised.value)


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"encoder.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="segmenter of drawn footage"):
        segmenter_of(tmp_path)
