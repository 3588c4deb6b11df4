import pytest
import torch

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.training.short_prompts import short_prompts


def velocity_and_gradient(transformer, told, latents, *, shortened):
    transformer.zero_grad()
    timesteps = torch.full((len(latents),), 500.0)
    inputs = told.transformer_inputs(latents, timesteps)
    if shortened:
        with short_prompts(transformer, told.prompt_embeds) as inputs["encoder_hidden_states"]:
            assert inputs["encoder_hidden_states"].shape[1] < told.prompt_embeds.shape[1]
            made = transformer(**inputs, return_dict=False)[0]
    else:
        made = transformer(**inputs, return_dict=False)[0]
    made.square().mean().backward()
    gradient = transformer.condition_embedder.text_embedder.linear_1.bias.grad.clone()
    return made.detach(), gradient


@pytest.mark.parametrize("words", [(5, 30), (0, 0), (511, 7)])
def test_padding_taken_together_changes_neither_velocity_nor_gradient(own_pipeline, words):
    transformer = own_pipeline.transformer.train()
    config = transformer.config
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randn(2, 512, config.text_dim, generator=generator)
    for row, count in zip(prompt, words, strict=True):
        row[count:] = 0
    told = Conditioning(
        prompt,
        torch.randn(2, 7, config.image_dim, generator=generator),
        torch.randn(2, 20, 3, 4, 4, generator=generator),
    )
    latents = torch.randn(2, 16, 3, 4, 4, generator=generator)
    usual = [block.attn2.processor for block in transformer.blocks]
    if max(words) < 511:
        results = [
            velocity_and_gradient(transformer, told, latents, shortened=s) for s in (True, False)
        ]
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    else:
        with short_prompts(transformer, prompt) as text:
            torch.testing.assert_close(text, prompt)
    assert [block.attn2.processor for block in transformer.blocks] == usual
