from judge.stats.money import Money, total


def test_a_cost_that_is_not_known_is_counted_and_never_added_as_nothing() -> None:
    found = total([1.0, None, 0.2, 0.0, None])

    assert found == Money(dollars=1.2, known=3, unknown=2)
    assert total([]) == Money()


def test_the_sum_of_sums_is_the_sum_of_all_their_parts() -> None:
    first, second = [0.5, None], [0.25, 0.25]

    assert total(first) + total(second) == total([*first, *second])


def test_many_small_costs_lose_nothing_by_being_added_up() -> None:
    assert total([0.1] * 10_000).dollars == 1000.0
