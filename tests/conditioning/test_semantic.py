import pytest
import torch
from PIL import Image

from skyreels_a2.conditioning.semantic import encode_semantic


@pytest.mark.parametrize("count", [1, 2, 5])
def test_tokens_of_all_references_stand_one_after_the_other(pipeline, count):
    colours = ["red", "green", "blue", "white", "black"][:count]
    pictures = [Image.new("RGB", (30, 50), colour) for colour in colours]
    with torch.no_grad():
        together = encode_semantic(pipeline.image_processor, pipeline.image_encoder, pictures)
        alone = [
            encode_semantic(pipeline.image_processor, pipeline.image_encoder, [picture])
            for picture in pictures
        ]
    assert together.shape == (1, 257 * count, 40)
    torch.testing.assert_close(together, torch.cat(alone, dim=1), atol=1e-5, rtol=0)
