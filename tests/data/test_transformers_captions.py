"""A real vision-language class whose tiny language half says one thing after any question."""

import json

import pytest
import torch
from material import found

from skyreels_a2.data.backends.transformers_captions import TransformersCaptioner
from skyreels_a2.data.captions import caption
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Dropped, PersonShot
from skyreels_a2.data.settings import CaptionSettings
from skyreels_a2.errors import ModelError

TEMPLATE = (
    "{% for m in messages %}{% for c in m.content %}"
    "{% if c.type == 'image' %}<image> {% else %}{{ c.text }}{% endif %}"
    "{% endfor %}{% endfor %} <answer>"
)


@pytest.fixture
def person(scene_frames, tmp_path):
    shot = found(scene_frames, tmp_path)
    return PersonShot(dissected=shot, elements=shot.elements)


def model(folder, says):
    """LLaVA that answers `says`: its words are whole texts, each followed by a known next one."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    words = ["<unk>", "<pad>", "</s>", "<image>", "<answer>", says]
    plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>", eos_token="</s>"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>", "<answer>"]})
    side = {"height": 32, "width": 32}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side)
    LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    torch.manual_seed(0)
    network = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                **sizes, num_attention_heads=2, image_size=32, patch_size=16
            ),
            text_config=LlamaConfig(
                **sizes,
                num_attention_heads=2,
                vocab_size=len(words),
                eos_token_id=2,
                pad_token_id=1,
                max_position_embeddings=4096,
            ),
            image_token_index=3,
        )
    )
    language = network.model.language_model
    with torch.no_grad():
        for layer in language.layers:  # what a word is followed by depends on the word alone
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        network.lm_head.weight.zero_()
        network.lm_head.weight[5] = language.embed_tokens.weight[4] * 100
        network.lm_head.weight[2] = language.embed_tokens.weight[5] * 100
    network.generation_config.eos_token_id = 2
    network.generation_config.pad_token_id = 1
    network.save_pretrained(folder)
    return CaptionSettings(captioner="transformers", model=str(folder), num_frames=2, retries=1)


def answer(elements):
    about = [
        {"number": i, "phrase": "A red square", "concepts": {"hair": "none"}}
        for i, _ in enumerate(elements)
    ]
    return json.dumps({"caption": "A red square crosses a wall.", "elements": about})


def test_the_models_words_become_the_caption(scene_frames, person, tmp_path):
    settings = model(tmp_path / "llava", f"Here: {answer(person.elements)}")
    told = caption(person, Footage(scene_frames, 12), TransformersCaptioner(settings))
    assert told.caption == "A red square crosses a wall."
    assert told.captioner == settings.model
    first = told.phrases[0]
    assert told.caption[first.start : first.stop] == "A red square"


def test_a_model_that_never_answers_as_asked_drops_the_shot(scene_frames, person, tmp_path):
    settings = model(tmp_path / "llava", "no json")
    outcome = caption(person, Footage(scene_frames, 12), TransformersCaptioner(settings))
    assert isinstance(outcome, Dropped)
    assert "gave no caption" in outcome.detail
    assert "no json" in outcome.detail


def test_a_folder_without_a_model_is_told_in_one_line(tmp_path):
    settings = CaptionSettings(captioner="transformers", model=str(tmp_path))
    with pytest.raises(ModelError, match="cannot be opened as a vision-language model"):
        TransformersCaptioner(settings)
