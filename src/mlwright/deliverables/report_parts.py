"""The last parts of a training report: slices, what more rows would bring, and where all of it comes from."""

from __future__ import annotations

from mlwright.deliverables.charts import Plot, Series, draw_plot, tick_text
from mlwright.deliverables.report_facts import Facts, amount, find, items, known
from mlwright.deliverables.report_page import Section, escape, figure, interval, number, table

MOST_SLICES = 20


def slices_section(facts: Facts) -> Section:
    """List the parts of the held-out rows in which the model is weakest."""
    slices = items(facts.get("slices"))
    if not slices:
        return Section(
            "slices", "Where it is weaker", "<p>No column has few enough values with rows enough.</p>"
        )
    metric = str(facts["metric"])
    rows = [
        [
            f"{one['column']} = {one['value']}",
            number(one["rows"]),
            number(one["metric"]),
            f"{number(one['low'])} … {number(one['high'])}",
            "weaker" if one["is_weak"] else "",
        ]
        for one in slices[:MOST_SLICES]
    ]
    overall = interval(find(facts, "metrics", metric))
    more = f" {len(slices) - MOST_SLICES} more are in report.json." if len(slices) > MOST_SLICES else ""
    body = f"<p>By {escape(metric)}, worst first; on all held-out rows it is {overall}.{more}</p>"
    header = ["rows where", "rows", metric, "95 % interval", ""]
    return Section("slices", "Where it is weaker", body + table(header, rows, numbers=(1, 2, 3)))


def more_rows_section(facts: Facts) -> Section:
    """Draw the learning curve, and say whether more rows promise anything."""
    curve = find(facts, "explanation", "learning_curve")
    points = items(curve.get("points"))
    if len(points) < 2:
        return Section("more-rows", "Would more rows help", "")
    metric = str(facts["metric"])
    line = [(amount(point["rows"]), amount(point["value"])) for point in points]
    whiskers = [
        (amount(point["rows"]), low, high)
        for point in points
        if (low := known(point.get("low"))) is not None and (high := known(point.get("high"))) is not None
    ]
    gain = find(curve, "gain_of_last_half")
    low, high = known(gain.get("low")), known(gain.get("high"))
    if low is not None and low > 0:
        says = "it is still getting better, so more rows like these should help"
    elif high is not None and low is not None:
        says = "that may be chance, so better columns promise more than more rows"
    else:
        says = "the rows do not tell whether that is chance"
    plot = Plot(
        f"{metric} by number of training rows",
        f"From {number(line[0][1])} at {number(line[0][0])} rows to {number(line[-1][1])} at "
        f"{number(line[-1][0])} rows.",
        "training rows (logarithmic)",
        metric,
        [Series("whiskers", whiskers, "a"), Series("line", line, "a"), Series("dots", line, "a")],
        is_log=True,
        across_text=tick_text,
    )
    caption = (
        f"<b>Learning curve</b> of a small booster on up to {number(points[-1]['rows'])} of "
        f"{number(curve.get('training_rows'))} training rows, on the same held-out rows. The last "
        "doubling brought "
        f"{interval(gain)}: {says}."
    )
    rows = [[number(point["rows"]), interval(point)] for point in points]
    return Section(
        "more-rows",
        "Would more rows help",
        figure(draw_plot(plot, "learning"), caption, table(["training rows", metric], rows, numbers=(0, 1))),
    )


def origin_section(facts: Facts) -> Section:
    """Say what the version was made from, so that it can be made again."""
    origin = find(facts, "provenance")
    sources = origin.get("data")
    rows: list[list[object]] = [
        ["package", facts["digest"]],
        ["run", origin.get("run")],
        *([["data", digest] for digest in sources] if isinstance(sources, list) else []),
        ["code", origin.get("code")],
        ["seed", origin.get("seed")],
        *([[name, version] for name, version in find(origin, "libraries").items()]),
    ]
    parity = find(facts, "parity")
    said = (
        f"<p>The package answers as the library that trained it on {number(parity.get('rows'))} rows and "
        f"{number(parity.get('edge_rows'))} edge rows: largest difference "
        f"{number(parity.get('largest_difference'))}, "
        f"{number(parity.get('label_flips'))} labels flip.</p>"
    )
    shown = [[what, which] for what, which in rows if which is not None]
    return Section(
        "origin", "Where it comes from", (said if parity else "") + table(["what", "which"], shown)
    )
