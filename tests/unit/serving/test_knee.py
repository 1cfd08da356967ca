from __future__ import annotations

import pytest

from mlwright.serving import LoadStep, Objective, find_knee, ramp
from tests.unit.serving.load_steps import step

OBJECTIVE = Objective(p99_ms=10)


def server(capacity: float, seen: list[float]) -> object:
    """Latency grows as in a queue, and overload answers only what the server can."""

    def measure(rate: float) -> LoadStep:
        seen.append(rate)
        if rate >= capacity:
            return step(rate, p99_ms=5_000, achieved=capacity / rate)
        return step(rate, p99_ms=1 / (1 - rate / capacity))

    return measure


@pytest.mark.promise("bench.knee")
@pytest.mark.parametrize("start", [30.0, 1_000.0, 400_000.0])
def test_the_knee_is_found_to_five_percent_from_any_start(start: float) -> None:
    seen: list[float] = []
    knee, steps = find_knee(server(52_000, seen), OBJECTIVE, start=start)  # type: ignore[arg-type]  # a closure
    assert knee.rate is not None
    assert 0.95 * 0.9 * 52_000 <= knee.rate <= 0.9 * 52_000
    assert knee.first_failing is not None
    assert knee.first_failing <= 1.05 * knee.rate
    assert knee.reason is not None
    assert "p99" in knee.reason
    assert not knee.is_lower_bound
    assert [each.rate for each in steps] == seen
    assert len(steps) < 30


def test_one_hiccup_does_not_end_the_search_and_hopeless_rates_are_not_asked_twice() -> None:
    seen: list[float] = []
    calm = server(50_000, [])

    def measure(rate: float) -> LoadStep:
        seen.append(rate)
        return step(rate, p99_ms=80) if rate == 2_000 and seen.count(rate) == 1 else calm(rate)  # type: ignore[operator]

    knee, _ = find_knee(measure, OBJECTIVE, start=1_000)
    assert knee.rate is not None
    assert knee.rate > 40_000
    assert seen.count(2_000) == 2
    assert seen.count(64_000) == 1


def test_a_generator_that_gives_out_makes_the_knee_a_lower_bound() -> None:
    knee, _ = find_knee(
        lambda rate: step(rate, p99_ms=1 if rate < 3_000 else 90, limit=None if rate < 3_000 else "late"),
        OBJECTIVE,
        start=1_000,
    )
    assert knee.is_lower_bound


def test_no_rate_may_hold_and_every_rate_may() -> None:
    knee, _ = find_knee(lambda rate: step(rate, ok=0.4), OBJECTIVE, start=8)
    assert (knee.rate, knee.is_lower_bound) == (None, False)
    assert knee.reason is not None
    assert "wrong" in knee.reason
    knee, steps = find_knee(step, OBJECTIVE, start=1_000)
    assert (knee.first_failing, knee.reason) == (None, None)
    assert knee.rate == steps[-1].rate >= 10_000_000


def test_a_rate_holds_an_objective_only_in_time_in_number_and_in_full() -> None:
    assert OBJECTIVE.holds(step(1_000))
    assert OBJECTIVE.failure(step(1_000, p99_ms=11)) == "p99 was 11 ms, 10 ms may be"
    assert OBJECTIVE.failure(step(1_000, ok=0.99)) == "1.00% went wrong, 0.10% may"
    assert OBJECTIVE.failure(step(1_000, achieved=0.98)) == "980/s were answered of 1,000/s"
    assert not Objective(10, max_bad_share=1).holds(step(1_000, ok=0, p99_ms=20))


def test_a_ramp_has_equal_gaps_and_nonsense_is_refused() -> None:
    assert ramp("1000:50000:8")[::7] == (1_000.0, 50_000.0)
    for text in ("1000:50000", "a:b:c", "5:1:3", "0:10:3", "1:10:1", "1:10:2.5"):
        with pytest.raises(ValueError, match=r".+"):
            ramp(text)
