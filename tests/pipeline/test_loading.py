import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.loading import component_dtypes
from skyreels_a2.pipeline.schedulers import flow_shift_of

TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


def edit_json(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


def edit_weights(path, edit):
    weights = load_file(path)
    edit(weights)
    save_file(weights, path)


def test_the_published_folder_opens_though_its_classes_are_unknown(folder):
    edit_json(
        folder / "model_index.json",
        _class_name="A2Pipeline",
        transformer=["models", "A2Model"],
        scheduler=["diffusers", "UniPCMultistepScheduler"],
        defaults=None,
    )
    edit_json(folder / "transformer/config.json", _class_name="A2Model")
    edit_json(folder / "scheduler/scheduler_config.json", flow_shift=3.0)
    pipeline = SkyReelsA2Pipeline.from_pretrained(folder)
    assert flow_shift_of(pipeline.scheduler) == 8.0
    assert (pipeline.defaults.width, pipeline.defaults.num_frames) == (832, 81)


def test_a_saved_flow_shift_and_solver_are_kept(folder):
    edit_json(folder / "scheduler/scheduler_config.json", flow_shift=3.0)
    assert flow_shift_of(SkyReelsA2Pipeline.from_pretrained(folder).scheduler) == 3.0


@pytest.mark.parametrize("name", ["transformer", "vae", "image_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(folder, name):
    shutil.rmtree(folder / name)
    with pytest.raises(ModelError, match=f"no component '{name}'"):
        SkyReelsA2Pipeline.from_pretrained(folder)


def test_weights_that_are_gone_are_named(folder):
    (folder / TRANSFORMER).unlink()
    with pytest.raises(ModelError, match="transformer cannot be loaded"):
        SkyReelsA2Pipeline.from_pretrained(folder)


def test_weights_that_are_no_weights_are_named(folder):
    (folder / TRANSFORMER).write_bytes(b"rubbish")
    with pytest.raises(ModelError, match="transformer cannot be loaded"):
        SkyReelsA2Pipeline.from_pretrained(folder)


@pytest.mark.parametrize(
    "path", [TRANSFORMER, "image_encoder/model.safetensors", "text_encoder/model.safetensors"]
)
def test_a_missing_key_is_named(folder, path):
    key = next(key for key in load_file(folder / path) if "norm" in key and key.endswith("weight"))
    edit_weights(folder / path, lambda weights: weights.pop(key))
    with pytest.raises(ModelError, match=f"the weights lack .*{key.split('.')[-2]}"):
        SkyReelsA2Pipeline.from_pretrained(folder)


def test_an_unexpected_key_is_named(folder):
    edit_weights(folder / TRANSFORMER, lambda weights: weights.update(motion=torch.zeros(2)))
    with pytest.raises(ModelError, match="the weights hold motion"):
        SkyReelsA2Pipeline.from_pretrained(folder)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (TRANSFORMER, "proj_out.bias"),
        ("vae/diffusion_pytorch_model.safetensors", "quant_conv.bias"),
    ],
)
def test_a_wrong_shape_is_named(folder, path, key):
    edit_weights(folder / path, lambda weights: weights.update({key: torch.zeros(7)}))
    with pytest.raises(ModelError, match=key.replace(".", r"\.")):
        SkyReelsA2Pipeline.from_pretrained(folder)


def test_components_of_different_models_are_refused(folder, tmp_path):
    edit_json(folder / "text_encoder/config.json", d_model=64)
    with pytest.raises(ModelError, match="text_encoder"):
        SkyReelsA2Pipeline.from_pretrained(folder)


def test_given_components_are_not_loaded(folder, pipeline):
    shutil.rmtree(folder / "text_encoder")
    loaded = []
    opened = SkyReelsA2Pipeline.from_pretrained(
        folder, text_encoder=pipeline.text_encoder, on_load=loaded.append
    )
    assert opened.text_encoder is pipeline.text_encoder
    assert "text_encoder" not in loaded
    assert "vae" in loaded


def test_precisions(folder):
    def dtypes(precision):
        pipeline = SkyReelsA2Pipeline.from_pretrained(folder, precision=precision)
        modules = ("transformer", "vae", "text_encoder", "image_encoder")
        return {
            name: {parameter.dtype for parameter in getattr(pipeline, name).parameters()}
            for name in modules
        }

    half, full = torch.bfloat16, torch.float32
    assert all(kinds == {full} for kinds in dtypes("fp32").values())
    assert all(kinds == {half} for kinds in dtypes("published").values())
    mixed = dtypes("bf16")
    assert mixed["transformer"] == {half, full}
    assert mixed["vae"] == mixed["image_encoder"] == {full}


def test_a_torch_type_is_for_all_models_as_in_diffusers(folder):
    pipeline = SkyReelsA2Pipeline.from_pretrained(folder, torch_dtype=torch.bfloat16)
    assert {pipeline.vae.dtype, pipeline.image_encoder.dtype} == {torch.bfloat16}


def test_an_unknown_keyword_is_refused(folder):
    with pytest.raises(ModelError, match="unet is no component"):
        SkyReelsA2Pipeline.from_pretrained(folder, unet=None)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ModelError, match="auto, fp32, bf16, published"):
        component_dtypes("int3")


@pytest.mark.parametrize("precision", ["bf16", "published"])
def test_low_precision_is_near_full_precision(folder, pictures, precision):
    from skyreels_a2 import Composition, Element
    from skyreels_a2.runtime.seeds import generator

    composition = Composition("a bear", (Element.character(pictures[0]),))
    full, low = (
        SkyReelsA2Pipeline.from_pretrained(folder, precision=name)(
            composition, generator=generator(1), output_type="pt"
        ).frames
        for name in ("fp32", precision)
    )
    error = (full - low).abs().mean()
    assert 0 < error < 0.02


def test_a_hub_id_that_is_in_the_cache_opens_without_network(model_folder, tmp_path):
    commit = "a" * 40
    repository = tmp_path / "models--owner--tiny"
    shutil.copytree(model_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    pipeline = SkyReelsA2Pipeline.from_pretrained(
        "owner/tiny", cache_dir=tmp_path, local_files_only=True
    )
    assert pipeline.defaults.width == 32
