"""What the answers are worth, as a part of a training report: reliability, lift, cost, errors."""

from __future__ import annotations

from mlwright.deliverables.charts import Plot, Series, draw_plot, percent_text
from mlwright.deliverables.report_facts import Facts, amount, find, items, known, numbers
from mlwright.deliverables.report_page import Section, escape, figure, interval, number, pair, table

CAPACITY = 0.1  # the share of rows whose lift the caption tells


def answers_section(facts: Facts) -> Section:
    """Draw what the task allows."""
    answers = find(facts, "explanation", "answers")
    if not answers:
        return Section("answers", "What the answers are worth", "")
    task = facts["task"]
    if task == "binary":
        body = pair(
            _reliability(answers, "predicted probability", "positive rows"), _histogram(answers, "scores")
        )
        body += pair(_lift(answers), _cost(answers))
    elif task == "multiclass":
        body = pair(_reliability(answers, "confidence", "right answers"), _coverage(answers)) + _by_class(
            answers
        )
    else:
        body = pair(_values(answers), _scatter(answers)) + pair(
            _histogram(answers, "errors"), _quantiles(answers)
        )
    rows = number(find(facts, "explanation").get("rows"))
    return Section(
        "answers",
        "What the answers are worth",
        f"<p>From {rows} held-out rows; whiskers and bands are 95 % intervals.</p>{body}",
    )


def _reliability(answers: Facts, across: str, up: str) -> str:
    bins = items(answers.get("reliability"))
    points, whiskers, rows = _bins(bins)
    ends = [0.0, max([1e-9, *(at for at, _ in points), *(high for _, _, high in whiskers)])]
    plot = Plot(
        f"Reliability: {up} by {across}",
        _sentence(points, across, up),
        across,
        up,
        [
            Series("guide", [(ends[0], ends[0]), (ends[1], ends[1])], name="as predicted"),
            Series("whiskers", whiskers, "a"),
            Series("line", points, "a", "observed"),
            Series("dots", points, "a"),
        ],
        across_text=percent_text,
        up_text=percent_text,
        up_values=(0.0,),
    )
    inside = sum(low <= at <= high for at, low, high in whiskers)
    caption = (
        f"<b>Reliability.</b> In {inside} of {len(whiskers)} bins of equally many rows the prediction "
        "lies within the "
        "interval of what happened."
    )
    return figure(draw_plot(plot, "reliability"), caption, _bin_table(rows, across, up))


def _values(answers: Facts) -> str:
    points, whiskers, rows = _bins(items(answers.get("reliability")))
    ends = [min(at for at, _ in points), max(at for at, _ in points)] if points else [0.0, 1.0]
    plot = Plot(
        "Mean of actual values by predicted value",
        _sentence(points, "predicted", "actual"),
        "predicted",
        "actual, mean",
        [
            Series("guide", [(end, end) for end in ends], name="as predicted"),
            Series("whiskers", whiskers, "a"),
            Series("line", points, "a", "observed"),
            Series("dots", points, "a"),
        ],
    )
    inside = sum(low <= at <= high for at, low, high in whiskers)
    caption = (
        f"<b>Reliability.</b> In {inside} of {len(whiskers)} bins the mean prediction lies within the "
        "interval "
        "of the mean."
    )
    return figure(draw_plot(plot, "reliability"), caption, _bin_table(rows, "predicted", "actual"))


def _bins(
    bins: list[dict[str, object]],
) -> tuple[list[tuple[float, float]], list[tuple[float, float, float]], list[list[object]]]:
    points: list[tuple[float, float]] = []
    whiskers: list[tuple[float, float, float]] = []
    rows: list[list[object]] = []
    for part in bins:
        found = find(part, "observed")
        at, value = amount(part.get("predicted")), amount(found.get("value"))
        points.append((at, value))
        low, high = known(found.get("low")), known(found.get("high"))
        if low is not None and high is not None:
            whiskers.append((at, low, high))
        rows.append(
            [
                number(part.get("rows")),
                f"{number(part.get('lowest'))} … {number(part.get('highest'))}",
                number(at),
                interval(found),
            ]
        )
    return points, whiskers, rows


def _bin_table(rows: list[list[object]], across: str, up: str) -> str:
    return table(["rows", "from, to", f"{across}, mean", up], rows, numbers=(0, 2, 3))


def _histogram(answers: Facts, name: str) -> str:
    found = find(answers, name)
    edges, rows = numbers(found.get("edges")), numbers(found.get("rows"))
    bars = [(left, right, count) for left, right, count in zip(edges[:-1], edges[1:], rows, strict=True)]
    what = "predicted probability" if name == "scores" else "predicted minus actual"
    plot = Plot(
        f"Rows by {what}",
        f"A histogram of {what} over {int(sum(rows))} rows.",
        what,
        "rows",
        [Series("bars", bars, "a")],
        up_values=(0.0,),
    )
    caption = (
        "<b>Scores.</b> How sure the model is."
        if name == "scores"
        else "<b>Errors.</b> How far off, and to which side."
    )
    cells = [
        [f"{number(left)} … {number(right)}", number(int(count))] for left, right, count in bars if count
    ]
    return figure(
        draw_plot(plot, f"histogram-{name}"), caption, table(["from, to", "rows"], cells, numbers=(1,))
    )


def _lift(answers: Facts) -> str:
    points = items(answers.get("lift"))
    if not points:
        return figure("<p>No held-out row is positive.</p>", "")
    rate = amount(answers.get("base_rate"))
    lines = {
        name: [(amount(point["share"]), amount(find(point, name).get("value"))) for point in points]
        for name in ("recall", "precision")
    }
    bands = {
        name: [
            (amount(point["share"]), low, high)
            for point in points
            if (low := known(find(point, name).get("low"))) is not None
            and (high := known(find(point, name).get("high"))) is not None
        ]
        for name in lines
    }
    near = min(points, key=lambda point: abs(amount(point["share"]) - CAPACITY))
    caption = (
        f"<b>Lift.</b> The {percent_text(amount(near['share']))} of rows with the highest scores hold "
        f"{_percent(find(near, 'recall'))} of all positives: {interval(find(near, 'lift'))} times as "
        "many as at random."
    )
    plot = Plot(
        "Positives found and precision by share of rows taken",
        f"With {percent_text(rate)} positives in all rows. "
        + _sentence(lines["recall"], "share of rows", "share of positives found"),
        "rows taken, highest scores first",
        "share",
        [
            Series("guide", [(0.0, 0.0), (1.0, 1.0)], name="at random"),
            Series("band", bands["recall"], "a"),
            Series("line", [(0.0, 0.0), *lines["recall"]], "a", "positives found"),
            Series("band", bands["precision"], "b"),
            Series("line", lines["precision"], "b", "precision"),
        ],
        across_text=percent_text,
        up_text=percent_text,
        up_values=(0.0, 1.0),
    )
    rows = [
        [
            percent_text(amount(point["share"])),
            number(point["rows"]),
            *(interval(find(point, name)) for name in ("precision", "recall", "lift")),
        ]
        for point in points
    ]
    header = ["rows taken", "rows", "precision", "positives found", "lift"]
    return figure(draw_plot(plot, "lift"), caption, table(header, rows, numbers=(0, 1, 2, 3, 4)))


def _cost(answers: Facts) -> str:
    cost = find(answers, "cost")
    points = items(cost.get("points"))
    threshold, best = amount(cost.get("threshold")), amount(cost.get("best_threshold"))
    line = [(amount(point["threshold"]), amount(find(point, "cost").get("value"))) for point in points]
    band = [
        (amount(point["threshold"]), low, high)
        for point in points
        if (low := known(find(point, "cost").get("low"))) is not None
        and (high := known(find(point, "cost").get("high"))) is not None
    ]
    chosen = min(points, key=lambda point: abs(amount(point["threshold"]) - threshold))
    rule = {
        "given": "was given",
        "best_f1": "is best by F1",
        "cost": "costs least",
        "capacity": "fits the capacity",
    }
    says = rule.get(str(cost.get("rule")), "was chosen")
    caption = (
        f"<b>Cost</b> of mistakes per 1,000 rows, a missed positive at {number(cost.get('missed'))} and "
        "a false alarm at "
        f"{number(cost.get('false_alarm'))}. At the threshold {number(threshold)}, which {says} on "
        "validation rows: "
        f"{interval(find(chosen, 'cost'))}, with {percent_text(amount(chosen.get('positive_share')))} of "
        "rows called positive. "
        f"Least on these rows: {interval(find(cost, 'best'))} at {number(best)}. "
        f"Calling none positive costs {number(cost.get('none_positive'))}, all "
        f"{number(cost.get('all_positive'))}."
    )
    if cost.get("rule") == "given":
        caption = caption.replace(" on validation rows", "")
    plot = Plot(
        "Cost of mistakes per 1,000 rows by threshold",
        _sentence(line, "threshold", "cost"),
        "threshold",
        "cost per 1,000 rows",
        [Series("band", band, "a"), Series("line", line, "a")],
        marks=[
            (threshold, f"chosen {number(threshold)}"),
            *([(best, f"least {number(best)}")] if best != threshold else []),
        ],
        up_values=(0.0,),
    )
    rows = [
        [
            number(point["threshold"]),
            percent_text(amount(point["positive_share"])),
            interval(find(point, "cost")),
        ]
        for point in points
    ]
    return figure(
        draw_plot(plot, "cost"),
        caption,
        table(["threshold", "called positive", "cost"], rows, numbers=(0, 1, 2)),
    )


def _coverage(answers: Facts) -> str:
    points = items(answers.get("coverage"))
    line = [(amount(point["share"]), amount(find(point, "accuracy").get("value"))) for point in points]
    band = [
        (amount(point["share"]), low, high)
        for point in points
        if (low := known(find(point, "accuracy").get("low"))) is not None
        and (high := known(find(point, "accuracy").get("high"))) is not None
    ]
    plot = Plot(
        "Accuracy by share of rows answered",
        _sentence(line, "share of rows answered", "accuracy"),
        "rows answered, surest first",
        "accuracy",
        [Series("band", band, "a"), Series("line", line, "a"), Series("dots", line, "a")],
        across_text=percent_text,
        up_text=percent_text,
    )
    half = min(points, key=lambda point: abs(amount(point["share"]) - 0.5)) if points else {}
    caption = (
        f"<b>Coverage.</b> Of the {percent_text(amount(half.get('share')))} of rows with the surest answers "
        f"{_percent(find(half, 'accuracy'))} are right."
    )
    rows = [
        [percent_text(amount(point["share"])), number(point["rows"]), interval(find(point, "accuracy"))]
        for point in points
    ]
    return figure(
        draw_plot(plot, "coverage"), caption, table(["answered", "rows", "accuracy"], rows, numbers=(0, 1, 2))
    )


def _by_class(answers: Facts) -> str:
    rows = [
        [one["class"], number(one["rows"]), number(one.get("precision")), number(one.get("recall"))]
        for one in items(answers.get("by_class"))
    ]
    count = int(amount(answers.get("classes")))
    said = f"The {len(rows)} commonest of {count} classes" if count > len(rows) else "Every class"
    return table(
        ["class", "rows", "precision", "recall"], rows, caption=f"{said}, on held-out rows", numbers=(1, 2, 3)
    )


def _scatter(answers: Facts) -> str:
    given = answers.get("points")
    points = [(amount(pair[0]), amount(pair[1])) for pair in given] if isinstance(given, list) else []
    ends = [min(at for at, _ in points), max(at for at, _ in points)] if points else []
    plot = Plot(
        "Actual by predicted value",
        f"{len(points)} held-out rows at random.",
        "predicted",
        "actual",
        [Series("dots", points, "a"), Series("guide", [(end, end) for end in ends], name="as predicted")],
    )
    return figure(draw_plot(plot, "scatter"), f"<b>Single rows.</b> {len(points)} held-out rows at random.")


def _quantiles(answers: Facts) -> str:
    rows = [
        [percent_text(amount(one["share"])), number(one["error"])]
        for one in items(answers.get("error_quantiles"))
    ]
    return table(["of rows are below", "predicted minus actual"], rows, caption="Errors", numbers=(0, 1))


def _percent(found: Facts) -> str:
    low, high = known(found.get("low")), known(found.get("high"))
    text = percent_text(amount(found.get("value")))
    return text if low is None or high is None else f"{text} [{percent_text(low)}, {percent_text(high)}]"


def _sentence(points: list[tuple[float, float]], across: str, up: str) -> str:
    """Say for those who do not see the line where it starts and ends."""
    if not points:
        return "There are no points."
    (first, start), (last, end) = points[0], points[-1]
    return escape(f"{up} goes from {start:.3g} at {across} {first:.3g} to {end:.3g} at {last:.3g}.")
