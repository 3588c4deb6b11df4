import torch
from diffusers import WanPipeline

from skyreels_a2.conditioning.text import encode_text


def test_same_embeddings_as_diffusers_own_wan_pipeline(pipeline):
    wan = WanPipeline(pipeline.tokenizer, pipeline.text_encoder, pipeline.vae, pipeline.scheduler)
    prompt = "a bear &amp; an astronaut  wave"
    with torch.no_grad():
        theirs = wan._get_t5_prompt_embeds(prompt, max_sequence_length=512)
        ours = encode_text(pipeline.tokenizer, pipeline.text_encoder, prompt)
    torch.testing.assert_close(ours, theirs)


def test_padding_is_zero(pipeline):
    with torch.no_grad():
        embeds = encode_text(pipeline.tokenizer, pipeline.text_encoder, "a bear")
    assert embeds.shape == (1, 512, 32)
    assert embeds[0, 0].abs().sum() > 0
    assert embeds[0, 100:].abs().sum() == 0
