import pytest

from skyreels_a2.bench.agreement import krippendorff_alpha

# Krippendorff's own example: four observers, twelve units, marks missing.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def test_alpha_is_that_of_the_authors_example():
    assert krippendorff_alpha(OBSERVERS) == pytest.approx(0.815, abs=5e-4)


def test_full_agreement_is_one_and_opposite_marks_are_below_zero():
    assert krippendorff_alpha([[1, 3, 5], [1, 3, 5]]) == pytest.approx(1.0)
    assert krippendorff_alpha([[1, 5], [5, 1]]) < 0


def test_alpha_is_undefined_for_one_rater_or_one_mark():
    assert krippendorff_alpha([[1, 2, 3]]) is None
    assert krippendorff_alpha([[4, 4], [4, 4]]) is None
