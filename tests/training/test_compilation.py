import torch

from skyreels_a2.training.compilation import compile_blocks
from skyreels_a2.training.config import Flow
from skyreels_a2.training.flow import FlowTask


def test_compiled_blocks_learn_the_same(own_pipeline, examples):
    transformer = own_pipeline.transformer.requires_grad_(True).train()
    names = [name for name, _ in transformer.named_parameters()]
    settings = Flow(drop_references=0.0, correspondence=0.1)
    task = FlowTask(transformer, examples, own_pipeline.conditioner(), settings)
    found = []
    for compiled in (False, True):
        if compiled:
            compile_blocks(transformer)
        losses, figures = task.losses([0], [torch.Generator().manual_seed(0)], 0.0)
        losses.sum().backward()
        gradient = transformer.blocks[0].attn1.to_q.weight.grad.clone()
        transformer.zero_grad()
        found.append((losses.detach(), gradient, figures["correspondence"]))
    assert [name for name, _ in transformer.named_parameters()] == names
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-3)
