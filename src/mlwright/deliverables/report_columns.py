"""What a model looks at, as a part of a training report: contributions and importance of columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from mlwright.deliverables.charts import Bar, Plot, Series, draw_bars, draw_plot, tick_text
from mlwright.deliverables.report_facts import Facts, amount, find, items, known
from mlwright.deliverables.report_page import Section, escape, figure, interval, number, pair, table

UNITS = {"log-odds": "log-odds", "logarithm": "the logarithm of the prediction"}
METHOD = (
    "Importance tells what is lost when a column is shuffled; contributions tell how a column moves "
    "single answers. "
    "Columns that say the same share both, and neither says that changing a column would change the outcome."
)


def columns_section(facts: Facts) -> Section:
    """Draw importance, contributions, and how contributions depend on values."""
    explanation = find(facts, "explanation")
    parts = [_importance(explanation), _contributions(explanation)]
    shown = [part for part in parts if part]
    body = f"<p>{METHOD}</p>{pair(*shown)}" if shown else ""
    drawn = [
        _by_value(one, number_of, facts)
        for number_of, one in enumerate(items(find(explanation, "contributions").get("by_value")))
    ]
    if drawn:
        body += f"<h3>Contributions by value</h3>{pair(*drawn)}"
    return Section("columns", "What the model looks at", body)


def _importance(explanation: Facts) -> str:
    found = find(explanation, "importance")
    columns = items(found.get("columns"))
    if not columns:
        return ""
    metric, of = str(found["metric"]), int(amount(explanation.get("columns")))
    said = f"the {len(columns)} columns of {of} that contribute most" if of > len(columns) else "every column"
    caption = (
        f"<b>Importance.</b> How much worse {escape(metric)} is on {number(found.get('rows'))} held-out "
        "rows when a column is "
        f"shuffled ({number(found.get('shuffles'))} times), for {said}."
    )
    drawing = draw_bars(
        f"Importance of columns by {metric}",
        _first_words(columns),
        [_bar(one) for one in columns],
        "importance",
    )
    return figure(drawing, caption, _column_table(columns, f"{metric} lost"))


def _contributions(explanation: Facts) -> str:
    found = find(explanation, "contributions")
    columns = items(found.get("columns"))
    if not columns:
        return ""
    unit = UNITS.get(str(found.get("unit")), "units of the prediction")
    rest = amount(found.get("others"))
    more = f" All other columns together: {number(rest)}." if rest else ""
    caption = (
        f"<b>Contributions.</b> How far a column moves an answer on average, in {unit}: mean absolute "
        "Shapley values of "
        f"{number(found.get('rows'))} held-out rows.{more}"
    )
    drawing = draw_bars(
        f"Mean absolute contribution in {unit}",
        _first_words(columns),
        [_bar(one) for one in columns],
        "contributions",
    )
    return figure(drawing, caption, _column_table(columns, "mean absolute contribution"))


def _by_value(one: Facts, number_of: int, facts: Facts) -> str:
    name, of_class = str(one["column"]), one.get("class")
    to = f" to {facts['label']} = {of_class}" if of_class is not None else ""
    title, identifier = f"Contribution of {name}{to}", f"value-{number_of}"
    levels = items(one.get("levels"))
    if levels:
        bars = [
            Bar(
                str(level["level"]) if level["level"] is not None else "(null)",
                amount(level["mean"]),
                known(level["low"]),
                known(level["high"]),
            )
            for level in levels
        ]
        drawing = draw_bars(title, f"{len(bars)} commonest values.", bars, identifier, is_range=True)
        rows = [
            [
                "(null)" if level["level"] is None else level["level"],
                number(level["rows"]),
                *(number(level[key]) for key in ("mean", "low", "middle", "high")),
            ]
            for level in levels
        ]
        numbers = table(["value", "rows", "mean", "10 %", "median", "90 %"], rows, numbers=(1, 2, 3, 4, 5))
        return figure(
            drawing, f"<b>{escape(name)}</b>{escape(to)}: mean, and the range of 80 % of rows.", numbers
        )
    given = one.get("points")
    points = [(amount(point[0]), amount(point[1])) for point in given] if isinstance(given, list) else []
    text = _moment if one.get("type") == "timestamp" else tick_text
    plot = Plot(
        title,
        f"{len(points)} rows.",
        name,
        "contribution",
        [Series("guide", [(points[0][0], 0.0), (points[-1][0], 0.0)])] if points else [],
        across_text=text,
    )
    plot = Plot(
        title,
        f"{len(points)} rows, each a dot.",
        name,
        "contribution",
        [*plot.series, Series("dots", points, "a")],
        across_text=text,
    )
    null = find(one, "null")
    missing = (
        f" Where it is null ({number(null.get('rows'))} rows): {number(null.get('mean'))}." if null else ""
    )
    return figure(
        draw_plot(plot, identifier),
        f"<b>{escape(name)}</b>{escape(to)}: each dot is a row.{missing}",
        _thirds(points, text),
    )


def _thirds(points: list[tuple[float, float]], text: Callable[[float], str]) -> str:
    """Give means over parts of the values: what the dots say, in a few numbers."""
    size = max(len(points) // 6, 1)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    rows = [
        [
            f"{text(part[0][0])} … {text(part[-1][0])}",
            number(len(part)),
            number(sum(value for _, value in part) / len(part)),
        ]
        for part in parts
    ]
    return table(["from, to", "rows", "mean contribution"], rows, numbers=(1, 2))


def _bar(one: Facts) -> Bar:
    return Bar(str(one["column"]), amount(one.get("value")), known(one.get("low")), known(one.get("high")))


def _column_table(columns: list[dict[str, object]], what: str) -> str:
    return table(
        ["column", f"{what}, with 95 % interval"],
        [[one["column"], interval(one)] for one in columns],
        numbers=(1,),
    )


def _first_words(columns: list[dict[str, object]]) -> str:
    return (
        "Most first: " + ", ".join(f"{one['column']} {number(one.get('value'))}" for one in columns[:5]) + "."
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
