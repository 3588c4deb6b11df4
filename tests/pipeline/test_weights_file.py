import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file, save_file

from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.folders import model_folder as embedded_folder
from skyreels_a2.pipeline.weights_file import load_transformer
from skyreels_a2.runtime import gguf_files
from skyreels_a2.runtime.counting import weight_bytes

WAN_S_OWN = (  # some of the original code's names, most special first
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("condition_embedder.image_embedder.norm1", "img_emb.proj.0"),
    ("condition_embedder.image_embedder.ff.net.0.proj", "img_emb.proj.1"),
    ("condition_embedder.image_embedder.ff.net.2", "img_emb.proj.3"),
    ("condition_embedder.image_embedder.norm2", "img_emb.proj.4"),
    ("norm2", "norm3"),
    ("attn2", "cross_attn"),
    ("attn1", "self_attn"),
    (".norm_added_k.", ".norm_k_img."),
    (".add_k_proj.", ".k_img."),
    (".add_v_proj.", ".v_img."),
    (".to_out.0.", ".o."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
    ("proj_out", "head.head"),
)


def as_in_the_original_code(key):
    if key == "scale_shift_table":
        return "head.modulation"
    for ours, theirs in WAN_S_OWN:
        key = key.replace(ours, theirs)
    return key.replace("scale_shift_table", "modulation")


@pytest.fixture(scope="module")
def weights(model_folder):
    return load_file(model_folder / "transformer/diffusion_pytorch_model.safetensors")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("names", [str, as_in_the_original_code])
def test_a_safetensors_file_is_the_folder_s_own_weights(
    model_folder, weights, tmp_path, names, dtype
):
    path = tmp_path / "one.safetensors"
    save_file({names(key): value for key, value in weights.items()}, path)
    found = load_transformer(path, model_folder, dtype).state_dict()
    usual = WanTransformer3DModel.from_pretrained(
        model_folder, subfolder="transformer", torch_dtype=dtype
    ).state_dict()
    assert found.keys() == usual.keys()
    for key, value in found.items():
        assert value.dtype is usual[key].dtype
        assert torch.equal(value, usual[key])


@pytest.mark.parametrize(("kind", "error", "size"), [("q8_0", 0.02, 0.45), ("q4_0", 0.6, 0.35)])
def test_a_gguf_file_is_nearly_the_model_in_less_memory(velocity_of, tmp_path, kind, error, size):
    pytest.importorskip("gguf", reason="the extra quantize is not installed")
    folder, path = embedded_folder("a2-tiny"), tmp_path / "tiny.gguf"
    exact = WanTransformer3DModel.from_pretrained(folder, subfolder="transformer").eval()
    gguf_files.write(folder / "transformer", path, kind)
    packed = load_transformer(path, folder, torch.float32)
    expected = velocity_of(exact)
    assert 0 < (velocity_of(packed) - expected).norm() / expected.norm() < error
    assert weight_bytes(packed) < size * weight_bytes(exact)
    held = sum(value.numel() * value.element_size() for value in packed.parameters())
    assert gguf_files.stored_bytes(path, torch.float32) == pytest.approx(held, rel=0.01)


@pytest.mark.parametrize("suffix", ["gguf", "safetensors"])
def test_what_is_no_such_file_is_refused(model_folder, tmp_path, suffix):
    if suffix == "gguf":
        pytest.importorskip("gguf", reason="the extra quantize is not installed")
    path = tmp_path / f"junk.{suffix}"
    path.write_bytes(b"junk" * 100)
    with pytest.raises(ModelError, match=rf"junk\.{suffix} is no"):
        load_transformer(path, model_folder, torch.float32)


def test_half_of_a_model_is_refused(model_folder, weights, tmp_path):
    half = {key: value for key, value in weights.items() if "blocks.0" not in key}
    save_file(half, tmp_path / "half.safetensors")
    with pytest.raises(ModelError, match=r"lacks blocks\.0"):
        load_transformer(tmp_path / "half.safetensors", model_folder, torch.float32)


def test_an_unknown_kind_of_gguf_is_refused(model_folder, tmp_path):
    with pytest.raises(ModelError, match="'q9' is unknown: use q8_0"):
        gguf_files.write(model_folder / "transformer", tmp_path / "x.gguf", "q9")
