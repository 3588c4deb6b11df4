from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2.training.order import Order


@given(
    shapes=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    batch=st.integers(1, 8),
    seed=st.integers(0, 5),
)
def test_a_round_has_nothing_twice_and_batches_of_one_shape_wherever_one_is_full(
    shapes, batch, seed
):
    order = Order(len(shapes), batch_size=batch, seed=seed, shapes=shapes)
    size = min(batch, len(shapes))
    length = len(shapes) // size * size
    numbers = [order[index] for index in range(length)]
    assert len(set(numbers)) == length
    batches = [numbers[start : start + size] for start in range(0, length, size)]
    pure = sum(len({shapes[n] for n in numbers}) == 1 for numbers in batches)
    assert pure >= sum(shapes.count(shape) // size for shape in "abc")


def test_rounds_differ_and_come_again():
    order, other = (Order(50, batch_size=5, seed=1) for _ in range(2))
    first, second = ([order[i] for i in range(start, start + 50)] for start in (0, 50))
    assert first != second
    assert sorted(first) == sorted(second)
    assert [other[i] for i in (73, 2, 99)] == [second[23], first[2], second[49]]


def test_what_one_round_leaves_out_another_has():
    order = Order(11, batch_size=4, seed=0)
    seen = {order[index] for index in range(8 * 20)}
    assert seen == set(range(11))
