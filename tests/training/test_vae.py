import pytest
import torch
from diffusers import AutoencoderKLWan

from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.training.inflation import fix_posterior, inflate
from skyreels_a2.training.vae import Stage, VaeTask, held_out_psnr, stages
from skyreels_a2.video import VideoSpec

SPEC = VideoSpec(48, 32, 5, 10)
PICTURES = (Stage(1.0, 1, 32),)


@pytest.fixture
def task():
    torch.manual_seed(0)
    vae = AutoencoderKLWan(base_dim=8, dim_mult=[1, 1, 2, 2], num_res_blocks=1)
    inflate(vae)
    fix_posterior(vae, std=0.1)
    return VaeTask(vae, BuiltinSource(), SPEC, stages=PICTURES)


def generators(indices):
    return [torch.Generator().manual_seed(index) for index in indices]


def test_it_learns_to_reconstruct(task):
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=3e-3)
    indices = list(range(4))
    found = []
    for _ in range(60):
        optimizer.zero_grad()
        losses, figures = task.losses(indices, generators(indices), 0.0)
        losses.mean().backward()
        optimizer.step()
        found.append(figures["psnr"])
    assert found[-1] > found[0] + 3


def test_stages_follow_the_progress(task):
    task.stages = (Stage(0.5, 1, 16), Stage(1.0, 5, 0))
    sizes = []
    for progress in (0.0, 0.49, 0.5, 0.99):
        _, figures = task.losses([0], generators([0]), progress)
        sizes.append(figures["frames"])
    assert sizes == [1, 1, 5, 5]


def test_samples_are_scenes_and_what_the_spatial_branch_lays_out(task):
    task.reference_share = 1.0
    sample = task.sample(0, Stage(1.0, 9, 0), torch.Generator().manual_seed(0))
    assert sample.shape == (4, 9, 32, 48)
    assert sample[3].eq(1).all()
    groups = [sample[:, 1:5], sample[:, 5:9]]
    for group in groups:
        assert group.eq(group[:, :1]).all()
    assert not torch.equal(groups[0][:, 0], groups[1][:, 0])


def test_errors_on_subjects_count_more_where_asked(task):
    task.reference_share, task.subject_weight = 0.0, 3.0
    sample = task.sample(0, Stage(1.0, 1, 0), torch.Generator().manual_seed(0))
    assert sample[3].unique().tolist() == [1.0, 3.0]


def test_latents_learn_to_shrink_as_pictures_do(task):
    task.stages, task.equivariance, task.reference_share = (Stage(1.0, 5, 32),), 1.0, 0.0
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=1e-3)
    indices = list(range(4))
    found = []
    for _ in range(40):
        optimizer.zero_grad()
        losses, figures = task.losses(indices, generators(indices), 0.0)
        losses.mean().backward()
        optimizer.step()
        found.append(figures["equivariance"])
    assert found[-1] < 0.5 * found[0]


def test_a_trained_vae_goes_on_without_single_pictures():
    assert [stage.until for stage in stages(0.0)] == [0.0, 0.3, 1.0]
    assert [stage.frames for stage in stages(0.6)] == [1, 5, 9]


def test_export_measures_the_latents(task, tmp_path):
    task.export(tmp_path)
    vae = AutoencoderKLWan.from_pretrained(tmp_path / "vae")
    assert vae.config.latents_mean != AutoencoderKLWan().config.latents_mean
    assert all(std > 0 for std in vae.config.latents_std)


def test_validation_is_on_held_out_scenes_and_leaves_a_picture(task, tmp_path):
    figures = task.validate(tmp_path, 7)
    assert 0 < figures["psnr"] < 40
    assert (tmp_path / "vae-00000007.png").is_file()


def test_a_perfect_vae_would_have_a_high_figure(task):
    class Perfect:
        device, dtype = torch.device("cpu"), torch.float32

        def encode(self, video):
            self.video = video
            return self

        @property
        def latent_dist(self):
            return self

        def mode(self):
            return self.video

        def decode(self, video):
            self.sample = video + 1e-3
            return self

    psnr, _ = held_out_psnr(Perfect(), task.source, SPEC, count=1)
    assert psnr == pytest.approx(66.02, abs=0.1)
