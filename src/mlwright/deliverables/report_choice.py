"""How rows were divided and how the model was chosen, as parts of a training report."""

from __future__ import annotations

from datetime import UTC, datetime

from mlwright.deliverables.axis import Axis
from mlwright.deliverables.charts import FRAME, LABEL_ROOM
from mlwright.deliverables.frame import draw_page
from mlwright.deliverables.report_facts import Facts, find, items, known, numbers
from mlwright.deliverables.report_page import Section, escape, figure, number, table

ROW = 26
MOST_CANDIDATES = 30


def validation_section(facts: Facts) -> Section:
    """Explain which rows trained and which judged."""
    validation = find(facts, "explanation", "folds")
    parts = items(validation.get("parts"))
    body = (
        f"<p><b>Held out:</b> {escape(facts['split'])}. These rows are asked once, at the end."
        f"{_full(facts)}</p>"
        f"<p><b>To choose between models:</b> {escape(validation.get('why', 'unknown'))}.</p>"
    )
    held_out, training = find(validation, "held_out"), find(validation, "training")
    lines = [
        (f"fold {at}", part["train_rows"], part["train"], part["valid_rows"], part["valid"])
        for at, part in enumerate(parts, 1)
    ]
    lines.append(
        (
            "the model",
            training.get("rows"),
            training.get("range"),
            held_out.get("rows"),
            held_out.get("range"),
        )
    )
    if any(left or right for _, _, left, _, right in lines):
        header = ["", "rows that train", "from, to", "rows that judge", "from, to"]
        rows = [
            [name, number(train), _dates(left), number(judge), _dates(right)]
            for name, train, left, judge, right in lines
        ]
        counts = table(header, rows, numbers=(1, 3))
    else:
        short = [[name, number(train), number(judge)] for name, train, _, judge, _ in lines]
        counts = table(["", "rows that train", "rows that judge"], short, numbers=(1, 2))
    drawn = _timeline(parts, training, held_out)
    body += figure(drawn, "Which moments train (light) and which judge (dark).", counts) if drawn else counts
    return Section("validation", "How it was validated", body)


def _full(facts: Facts) -> str:
    rows = find(facts, "data").get("full_rows")
    if rows is None:
        return ""
    return (
        f" Then the same settings learned all {number(rows)} rows, and that model is shipped; "
        "every number here is of the model that had not seen the held-out rows."
    )


def choice_section(facts: Facts) -> Section:
    """Show the ladder of models, the candidates tried, and what the choice itself may have cost."""
    metric = escape(facts["metric"])
    ladder = [
        [rung["name"], number(rung.get("value")), rung.get("note") or ""]
        for rung in items(facts.get("ladder"))
    ]
    choice = find(facts, "choice")
    members = ", ".join(f"{number(weight)} × {name}" for name, weight in find(choice, "members").items())
    seeds = known(choice.get("seeds"))
    mean = f" Each booster is the mean of {number(seeds)} seeds." if seeds is not None and seeds > 1 else ""
    lines = [f"Kept: <b>{escape(facts['kept'])}</b> ({escape(members)}).{mean}"]
    optimism = known(choice.get("optimism"))
    if known(choice.get("nested")) is not None:
        lines.append(
            f"On the rows that it was chosen on it reads {number(choice.get('value'))}; with every choice "
            f"made on other rows {number(choice.get('nested'))}"
            + (f", {number(abs(optimism))} apart." if optimism else ".")
        )
    line = find(choice, "calibration")
    if line and (line.get("slope") != 1.0 or line.get("shift") != 0.0):
        lines.append(
            f"Calibrated: log-odds × {number(line.get('slope'))} + {number(line.get('shift'))}, because "
            "unseen rows get better by it."
        )
    body = "".join(f"<p>{text}</p>" for text in lines)
    body += table(
        ["model", metric, ""], ladder, numbers=(1,), caption="The ladder: on validation rows, simplest first"
    )
    return Section("choice", "How the model was chosen", body + _tried(facts))


def _tried(facts: Facts) -> str:
    tried = items(facts.get("tried"))
    is_timed = any(one.get("cpu_seconds") for one in tried)  # trials read no clock
    rows = [
        [
            one["name"],
            ", ".join(f"{name} {_setting(value)}" for name, value in find(one, "settings").items()),
            ", ".join(number(int(count)) for count in numbers(one.get("rounds"))),
            one.get("rejected") or "",
            *([number(one.get("cpu_seconds"))] if is_timed else []),
        ]
        for one in tried[:MOST_CANDIDATES]
    ]
    if not rows:
        return ""
    more = f"<p>{len(tried) - MOST_CANDIDATES} more are in report.json.</p>" if len(tried) > len(rows) else ""
    header = ["candidate", "settings", "rounds by fold", "given up", *(["CPU s"] if is_timed else [])]
    return table(header, rows, numbers=(4,), caption=f"{len(tried)} candidates tried, in order") + more


def _setting(value: object) -> object:
    return number(value) if isinstance(value, float) else value


def _dates(value: object) -> str:
    return (
        " to ".join(str(moment).replace("T", " ")[:16] for moment in value)
        if isinstance(value, list)
        else "–"
    )


def _timeline(
    parts: list[dict[str, object]], training: dict[str, object], held_out: dict[str, object]
) -> str:
    """Draw one line per fold over time, and one for the model; nothing where rows have no moment."""
    lines = [(f"fold {at}", part["train"], part["valid"]) for at, part in enumerate(parts, 1)]
    lines.append(("the model", training.get("range"), held_out.get("range")))
    seconds = [(name, _seconds(left), _seconds(right)) for name, left, right in lines]
    ends = [end for _, left, right in seconds for span in (left, right) if span for end in span]
    if not ends or len(parts) > 10 or min(ends) == max(ends) or any(not right for _, _, right in seconds):
        return ""
    x = Axis(min(ends), max(ends), LABEL_ROOM / 2, FRAME.end, is_log=False)
    height = FRAME.top + ROW * len(seconds) + 24
    drawn = []
    for number_of, (name, left, right) in enumerate(seconds):
        top = FRAME.top + ROW * number_of
        drawn.append(
            f'<text class="strong" x="{LABEL_ROOM / 2 - 8}" y="{top + 15}" text-anchor="end">{name}</text>'
        )
        for style, span in (("band a", left), ("bar a", right)):
            if span:
                start, end = x.place(span[0]), x.place(span[1])
                drawn.append(
                    f'<rect class="{style}" x="{start:.1f}" width="{max(end - start, 2):.1f}" '
                    f'y="{top + 3}" height="16"/>'
                )
    for at, side in ((min(ends), "start"), ((min(ends) + max(ends)) / 2, "middle"), (max(ends), "end")):
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        drawn.append(f'<text x="{x.place(at):.1f}" y="{height - 6}" text-anchor="{side}">{day}</text>')
    return draw_page(
        "folds",
        "Folds over time",
        "Each fold trains on earlier rows and is judged on later ones.",
        (FRAME.width, height),
        "".join(drawn),
    )


def _seconds(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list):
        return None
    first, last = (datetime.fromisoformat(str(moment)).replace(tzinfo=UTC).timestamp() for moment in value)
    return first, last
