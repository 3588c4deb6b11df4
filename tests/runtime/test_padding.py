import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skyreels_a2.runtime.padding import count_words, merged_length, padding_bias

LENGTH, WIDTH = 12, 8


def prompts(words):
    """Rows of random tokens; each ends in equal ones."""
    generator = torch.Generator().manual_seed(sum(words))
    tokens = torch.randn(len(words), LENGTH, WIDTH, generator=generator)
    for row, count in zip(tokens, words, strict=True):
        row[count:] = row[-1]
    return tokens


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=4))
def test_attention_to_merged_padding_is_attention_to_all_of_it(words):
    tokens = prompts(words)
    counted = count_words(tokens)
    assert counted.tolist() == words
    length = merged_length(counted, LENGTH)
    assert length == max(words) + 1
    query = torch.randn(len(words), 1, 5, WIDTH, generator=torch.Generator().manual_seed(1))
    attend = torch.nn.functional.scaled_dot_product_attention
    every, left = tokens[:, None], tokens[:, None, :length]
    bias = padding_bias(counted, LENGTH)
    torch.testing.assert_close(
        attend(query, left, left, attn_mask=bias), attend(query, every, every)
    )


def test_a_prompt_without_padding_stays_as_it_is():
    tokens = torch.arange(LENGTH * WIDTH, dtype=torch.float32).view(1, LENGTH, WIDTH)
    words = count_words(tokens)
    assert merged_length(words, LENGTH) == LENGTH
    assert padding_bias(words, LENGTH).abs().max() == 0
