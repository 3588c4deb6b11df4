import torch

from skyreels_a2.runtime.counting import count, without_memory


def test_what_is_freed_is_not_counted_twice():
    def work():
        total = torch.zeros(1000)
        for _ in range(5):
            total = total + 1
        return total

    with without_memory():
        counted = count(work)
    assert counted.peak_bytes == 2 * 4000
    assert counted.kept_bytes == 4000


def test_products_and_attention_are_counted():
    with without_memory():
        left, right = torch.zeros(10, 20), torch.zeros(20, 30)
        query = torch.zeros(1, 2, 16, 8)
        attend = torch.nn.functional.scaled_dot_product_attention
        assert count(lambda: left @ right).flops == 2 * 10 * 20 * 30
        assert count(lambda: attend(query, query, query)).flops == 4 * 2 * 16 * 16 * 8


def test_a_huge_tensor_takes_no_memory():
    with without_memory():
        assert count(lambda: torch.zeros(2**40)).peak_bytes == 2**42
