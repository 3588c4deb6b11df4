"""Networks: where they come from, that absence is told, and real classes at tiny size."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from skyreels_a2.bench.cases import Case, Status
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.transformer_models import open_clip, open_detector, open_dinov2
from skyreels_a2.bench.networks.weights import NetworkMissingError, Weights
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.elements import Composition, Element
from skyreels_a2.errors import InputError

VISION = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}
TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}


def save_tokenizer(folder):
    """A real CLIP tokenizer whose words are letters."""
    from transformers import CLIPTokenizer
    from transformers.models.clip.tokenization_clip import CLIPTokenizer as Slow

    letters = [chr(c) for c in range(33, 127)]
    words = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    assert Slow
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    folder = tmp_path_factory.mktemp("clip")
    tokenizer = save_tokenizer(folder)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    text = {**TEXT, "vocab_size": len(tokenizer), **ids, "pad_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    sides = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPImageProcessorPil(**sides).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def owl(tmp_path_factory):
    from transformers import (
        Owlv2Config,
        Owlv2ForObjectDetection,
        Owlv2ImageProcessorPil,
        Owlv2Processor,
    )

    folder = tmp_path_factory.mktemp("owl")
    tokenizer = save_tokenizer(folder)
    torch.manual_seed(0)
    text = {**TEXT, "vocab_size": len(tokenizer)}
    config = Owlv2Config(text_config=text, vision_config=VISION, projection_dim=16)
    Owlv2ForObjectDetection(config).save_pretrained(folder)
    processor = Owlv2ImageProcessorPil(size={"height": 32, "width": 32})
    Owlv2Processor(processor, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def photos():
    return [Image.new("RGB", (60, 40), colour) for colour in ("red", "teal", "red")]


def test_clip_gives_unit_vectors_of_pictures_and_texts(clip, photos):
    encoder = open_clip(Weights((("clip", str(clip)),)))
    vectors = encoder.pictures(photos)
    assert vectors.shape == (3, 8)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[0], vectors[2])
    long = "a fox " * 50
    assert encoder.texts(["a fox", long]).shape == (2, 8)


def test_dinov2_opens_from_a_folder(tmp_path, photos):
    from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    Dinov2Model(config).save_pretrained(tmp_path)
    sides = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    BitImageProcessorPil(**sides).save_pretrained(tmp_path)
    vectors = open_dinov2(Weights((("dinov2", str(tmp_path)),))).pictures(photos)
    assert vectors.shape == (3, 16)


def test_a_detector_opens_from_a_folder_and_finds_boxes_within_the_picture(owl, photos):
    detector = open_detector(Weights((("detector", str(owl)),)))
    found = detector.find(photos[0], "a red cup")
    if found is not None:
        left, top, right, bottom = found.box
        assert 0 <= left <= right <= 60
        assert 0 <= top <= bottom <= 40


def test_published_metrics_run_once_their_networks_are_named(clip, owl, case, footage):
    weights = Weights((("clip", str(clip)), ("detector", str(owl))))
    metrics = open_metrics(["object", "background", "image-text"], weights)
    found = measure_all(case, Footage(footage.frames[:3], 10.0), metrics)
    for name, score in found.items():
        assert score.status is Status.OK, (name, score.reason)
    assert 0 <= found["object"].value <= 1
    assert 0 <= found["image-text"].value <= 100


def test_motion_smoothness_takes_any_interpolator_as_torchscript(tmp_path, moving):
    class Mean(torch.nn.Module):
        def forward(self, first: torch.Tensor, second: torch.Tensor, time: torch.Tensor):
            return first * (1 - time) + second * time

    torch.jit.script(Mean()).save(str(tmp_path / "amt.pt"))
    weights = Weights((("amt", str(tmp_path / "amt.pt")),))
    case = Case("c", Composition("it moves", (Element.object(Image.new("RGB", (32, 32))),)))
    metrics = open_metrics(["motion-smoothness"], weights)
    levels = np.arange(0, 90, 10, dtype=np.uint8)[:, None, None, None]
    steady = np.broadcast_to(levels, (9, 50, 30, 3))
    (score,) = measure_all(case, Footage(steady, 10.0), metrics).values()
    assert score.value == pytest.approx(1.0)
    (rough,) = measure_all(case, Footage(moving, 10.0), metrics).values()
    assert 0.9 < rough.value < 1


def test_the_aesthetic_mark_is_a_linear_head_on_clip(clip, tmp_path, case, footage):
    state = {"weight": torch.zeros(1, 8), "bias": torch.tensor([5.5])}
    torch.save(state, tmp_path / "head.pth")
    weights = Weights((("clip-large", str(clip)), ("aesthetic", str(tmp_path / "head.pth"))))
    (score,) = measure_all(case, footage, open_metrics(["aesthetic-quality"], weights)).values()
    assert score.value == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("metric", "named", "told"),
    [
        ("image-text", (), "openai/clip-vit-base-patch32"),
        ("image-text", (("clip", "/nowhere"),), "/nowhere"),
        ("motion-smoothness", (), "--weights amt=PLACE"),
        ("motion-smoothness", (("amt", "/nowhere.pt"),), "/nowhere.pt is not there"),
        ("character-id", (), "--weights arcface=PLACE"),
        ("character-dual", (), "--dual-encoder"),
        ("judge-natural", (), "--judge-url"),
    ],
)
def test_absence_says_what_is_absent(metric, named, told, case, footage):
    (score,) = measure_all(case, footage, open_metrics([metric], Weights(named))).values()
    assert score.status is Status.MISSING
    assert told in score.reason
    assert "\n" not in score.reason


def test_a_file_that_is_no_network_is_missing(tmp_path):
    (tmp_path / "amt.pt").write_bytes(b"nothing")
    from skyreels_a2.bench.networks.vbench_models import open_amt

    with pytest.raises(NetworkMissingError, match="amt does not open"):
        open_amt(Weights((("amt", str(tmp_path / "amt.pt")),)))


def test_weights_are_read_from_flags():
    weights = Weights.parse(["clip=/a=b", "raft=/r.pth"], download=True)
    assert weights.place("clip") == "/a=b"
    assert weights.download
    with pytest.raises(InputError, match="NETWORK=PLACE"):
        Weights.parse(["clip"])
    with pytest.raises(InputError, match="no network is called 'clipp'"):
        Weights.parse(["clipp=/a"])


def test_the_dual_encoder_of_a_model_folder_is_used_when_it_has_one(
    pipeline, tmp_path, case, footage
):
    from skyreels_a2.conditioning.dual_encoder import DualEncoder

    names = ["character-dual", "object-dual", "text-dual"]
    pipeline.save_pretrained(tmp_path)
    absent = measure_all(case, footage, open_metrics(names, Weights(model_folder=tmp_path)))
    assert {score.status for score in absent.values()} == {Status.MISSING}
    assert absent["text-dual"].reason.endswith("has no dual encoder")
    torch.manual_seed(0)
    parts = (pipeline.image_encoder, pipeline.text_encoder)
    others = {"image_processor": pipeline.image_processor, "tokenizer": pipeline.tokenizer}
    DualEncoder(*parts, **others).save(tmp_path)
    found = measure_all(case, footage, open_metrics(names, Weights(model_folder=tmp_path)))
    assert found["text-dual"].by != absent["text-dual"].by
    for name, score in found.items():
        assert score.status is Status.OK, (name, score.reason)
        assert 0 <= score.value <= 100
