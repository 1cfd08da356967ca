from __future__ import annotations

import pytest

from mlwright.lifecycle.candidate import deserves_trial


def _gate(answer: str, **questions: str) -> dict[str, object]:
    """One gate as `mlwright run` keeps it in evaluation.json."""
    found = {name: {"answer": word} for name, word in questions.items()}
    return {"gate": "quality", "answer": answer, "evidence": {"questions": found}}


@pytest.mark.parametrize(
    ("verdict", "gates", "expected"),
    [
        ("pass", [], True),
        ("inconclusive", [], False),
        ("fail", [], False),
        ("inconclusive", [_gate("inconclusive", at_least="pass", no_worse_than="inconclusive")], True),
        ("inconclusive", [_gate("inconclusive", at_least="inconclusive", no_worse_than="pass")], False),
        (
            "inconclusive",
            [_gate("pass", at_least="pass"), _gate("inconclusive", at_most="inconclusive")],
            False,
        ),
        ("fail", [_gate("fail", at_least="pass", no_worse_than="fail")], False),
        ("inconclusive", ["odd"], False),
    ],
)
def test_a_trial_needs_the_absolute_gates_and_no_failure(
    verdict: str, gates: list[object], expected: bool
) -> None:
    assert deserves_trial(verdict, gates) is expected
