"""Read from names which columns are measured after the moment of prediction.

A table that has a planned twin of a column (`sched_dep_time` of `dep_time`) tells that this column is the
actual one, and that what else is said of the same event (`dep_delay`) is as late. Words for outcomes are
weaker: they count only together with power over the label.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

PLANNED = frozenset(
    {"sched", "scheduled", "planned", "plan", "expected", "promised", "estimated", "est", "eta"}
)
ACTUAL = frozenset({"actual", "actually", "real", "realised", "realized"})
EVENTS = frozenset({"delay", "delayed", "time", "late", "lateness", "at", "date", "timestamp", "duration"})
OUTCOMES = frozenset(
    (
        "afterwards",
        "airtime",
        "arrival",
        "arrived",
        "canceled",
        "cancellation",
        "cancelled",
        "chargeback",
        "chargebacks",
        "chargedoff",
        "churned",
        "claimed",
        "closed",
        "closing",
        "completed",
        "completion",
        "defaulted",
        "delay",
        "delayed",
        "departed",
        "discharge",
        "dispute",
        "disputed",
        "diverted",
        "elapsed",
        "exit",
        "final",
        "finished",
        "future",
        "investigated",
        "investigation",
        "label",
        "landed",
        "landing",
        "lateness",
        "next",
        "outcome",
        "outcomes",
        "post",
        "recovered",
        "recoveries",
        "recovery",
        "refund",
        "refunded",
        "refunds",
        "resolution",
        "resolved",
        "result",
        "reversal",
        "reversed",
        "settled",
        "settlement",
        "target",
        "taxi",
        "truth",
        "writeoff",
    )
)
PAIRS = (
    ("air", "time"),
    ("flight", "time"),
    ("charged", "off"),
    ("write", "off"),
    ("wheels", "off"),
    ("wheels", "on"),
)


def planned_twins(names: Sequence[str]) -> dict[str, str]:
    """Give columns that a planned twin shows to be actual values, with the reason.

    >>> sorted(planned_twins(["sched_dep_time", "dep_time", "dep_delay", "carrier"]))
    ['dep_delay', 'dep_time']
    """
    split = {name: words_of(name) for name in names}
    found: dict[str, str] = {}
    stems: dict[str, str] = {}
    for planned, words in split.items():
        rest = [word for word in words if word not in PLANNED]
        if len(rest) == len(words) or not rest:
            continue
        for name, others in split.items():
            if name != planned and [word for word in others if word not in ACTUAL] == rest:
                found[name] = f"{planned!r} is its planned twin"
                stems.update({word: name for word in rest if word not in EVENTS})
    for name, words in split.items():
        stem = next((word for word in words if word in stems), None)
        is_planned = any(word in PLANNED for word in words)
        if stem and name not in found and not is_planned and any(word in EVENTS for word in words):
            found[name] = f"it speaks of the event of {stems[stem]!r}, which has a planned twin"
    return found


def sounds_late(name: str) -> bool:
    """Tell whether a name speaks of what happens after the fact.

    >>> sounds_late("air_time"), sounds_late("dueDate"), sounds_late("RefundAmount")
    (True, False, True)
    """
    words = words_of(name)
    pairs = pairwise(words)
    return any(word in OUTCOMES or word in ACTUAL for word in words) or any(pair in PAIRS for pair in pairs)


def words_of(name: str) -> list[str]:
    """Give the words of a name in lower case: by underscores, blanks and humps."""
    humped = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[^a-z]+", humped.lower()) if word]
