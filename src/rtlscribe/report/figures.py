"""Figures as SVG text: rates with intervals, a cell a problem, a curve, a histogram. Pure: numbers in, text out.

Colours are classes which the page's style sheet fills, so one figure serves light, dark and paper. Elements are built
as a tree, so text is escaped and every figure is well-formed whatever an id or a label contains.
"""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Sequence
from statistics import fmean
from typing import Literal
from xml.etree import ElementTree as ET

from rtlscribe.summaries import ProblemCount, Rate

NAMESPACE = "http://www.w3.org/2000/svg"
CELL_COLUMNS = 20
SHADES = 6  # of cells, told apart by eye: none, four between, all
MOST_POINTS = 400
LABEL_LETTERS = 48  # what fits over the chart of rates

# XML 1.0 has no place for these, even escaped; model output has them.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rates_chart(rows: Sequence[tuple[str, Rate, Rate]], *, title: str) -> str:
    """Two marks a row (label, syntax, function) on a scale of 0 to 100 %, with whiskers for the intervals."""
    width, left, right, top, pitch = 400, 12, 282, 30, 58
    height = top + pitch * len(rows) + 24

    def x(share: float) -> float:
        return left + (right - left) * share

    svg = _figure(width, height, title)
    for percent in (0, 25, 50, 75, 100):
        place = x(percent / 100)
        _add(svg, "line", "grid", x1=place, x2=place, y1=top, y2=height - 20)
        _write(svg, f"{percent} %", "tick", x=place, y=height - 5, anchor="middle")
    _mark(svg, "syntax", left + 6, 12)
    _write(svg, "syntax", "key", x=left + 16, y=16)
    _mark(svg, "function", left + 82, 12)
    _write(svg, "function", "key", x=left + 92, y=16)
    for number, (label, syntax, function) in enumerate(rows):
        line = top + pitch * number
        row = _add(svg, "g", "row")
        said = f"{label}: syntax {_interval(syntax)}, function {_interval(function)}"
        _add(row, "title").text = _clean(said)
        short = label if len(label) <= LABEL_LETTERS else label[: LABEL_LETTERS - 1] + "…"
        _write(row, short, "label", x=left, y=line + 14)
        for kind, rate, y in (("syntax", syntax, line + 28), ("function", function, line + 44)):
            _add(row, "line", f"whisker {kind}", x1=x(rate.low), x2=x(rate.high), y1=y, y2=y)
            for end in (rate.low, rate.high):
                _add(row, "line", f"whisker {kind}", x1=x(end), x2=x(end), y1=y - 4, y2=y + 4)
            _mark(row, kind, x(rate.rate), y)
            _write(row, _interval(rate), "value", x=width, y=y + 4, anchor="end")
    return _text(svg)


def problem_cells(
    counts: Sequence[ProblemCount], *, kind: Literal["syntax", "function"], title: str, anchor: str = ""
) -> str:
    """The paper's Figure 12: a cell a problem, row by row, its shade stepping with how many completions are right.

    With an `anchor`, the cell of problem number i links to the element on the page that has the id "<anchor>-<i>".
    """
    pitch, size, top = 16, 14, 54
    rows = math.ceil(len(counts) / CELL_COLUMNS)
    svg = _figure(CELL_COLUMNS * pitch, top + rows * pitch, title, role="group" if anchor else "img")
    _legend(svg, max((count.n for count in counts), default=1), kind, CELL_COLUMNS * pitch)
    for number, count in enumerate(counts):
        row, column = divmod(number, CELL_COLUMNS)
        place = svg
        if anchor:
            place = _add(svg, "a")
            # The list of verdicts is there for the keyboard: hundreds of cells to step through are not.
            place.attrib.update(href=f"#{anchor}-{number}", tabindex="-1")
        cell = _add(place, "rect", f"cell {kind}", x=column * pitch + 1, y=top + row * pitch, width=size, height=size)
        cell.set("fill-opacity", _number(_shade(getattr(count, kind), count.n)))
        said = f"{count.id}: {count.function} of {count.n} pass, {count.syntax} compile"
        _add(cell, "title").text = _clean(said)
    return _text(svg)


def curve(points: Sequence[tuple[float, float]], *, title: str, axis: str) -> str:
    """Something, `axis` says what, against the step, both linear and from 0; what is below 0 is shown too.

    Long runs are thinned by means of neighbours.
    """
    width, height, left, right, top, bottom = 400, 230, 60, 394, 26, 192
    svg = _figure(width, height, title)
    _write(svg, axis, "key", x=0, y=12)
    points = _thinned(points)
    steps = _ticks(max((step for step, _ in points), default=1.0), 5)
    values = [value for _, value in points]
    levels = _ticks(max(values, default=1.0), 4, low=min(values, default=0.0))

    def place(step: float, value: float) -> tuple[float, float]:
        share = (value - levels[0]) / (levels[-1] - levels[0])
        return left + (right - left) * step / steps[-1], bottom - (bottom - top) * share

    for tick in levels:
        _, y = place(0, tick)
        _add(svg, "line", "grid", x1=left, x2=right, y1=y, y2=y)
        _write(svg, f"{tick:.6g}", "tick", x=left - 6, y=y + 4, anchor="end")
    for tick in steps:
        x, _ = place(tick, levels[0])
        _add(svg, "line", "grid", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        _write(svg, f"{tick:,.10g}", "tick", x=x, y=bottom + 17, anchor="middle" if tick < steps[-1] else "end")
    _write(svg, "step", "tick", x=(left + right) / 2, y=height - 4, anchor="middle")
    placed = [place(*point) for point in points]
    _add(svg, "polyline", "curve").set("points", " ".join(f"{_number(x)},{_number(y)}" for x, y in placed))
    for x, y in placed[-1:]:
        _add(svg, "circle", "end", cx=x, cy=y, r=3.5)
    return _text(svg)


def histogram(counts: Sequence[int], *, limit: float, title: str, axis: str) -> str:
    """A bar for each equal part of 0 to 1, as high as its count, and a line at `limit`."""
    width, height, left, right, top, bottom = 400, 230, 58, 394, 26, 186
    svg = _figure(width, height, title)
    levels = _ticks(max(counts, default=1), 4)

    def x(share: float) -> float:
        return left + (right - left) * share

    def y(count: float) -> float:
        return bottom - (bottom - top) * count / levels[-1]

    for level in levels:
        _add(svg, "line", "grid", x1=left, x2=right, y1=y(level), y2=y(level))
        _write(svg, f"{level:,.10g}", "tick", x=left - 6, y=y(level) + 4, anchor="end")
    for number, count in enumerate(counts):
        start, end = number / len(counts), (number + 1) / len(counts)
        part = _add(
            svg, "rect", "bar", x=x(start) + 0.5, y=y(count), width=x(end) - x(start) - 1, height=bottom - y(count)
        )
        _add(part, "title").text = f"{start:.2f} to {end:.2f}: {count:,}"
    _add(svg, "line", "limit", x1=x(limit), x2=x(limit), y1=top - 6, y2=bottom)
    _write(svg, f"> {limit:g}", "tick", x=x(limit) + 4, y=top - 10)
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        _write(svg, f"{share:g}", "tick", x=x(share), y=bottom + 17, anchor="middle" if share < 1 else "end")
    _write(svg, axis, "tick", x=(left + right) / 2, y=height - 6, anchor="middle")
    return _text(svg)


def _figure(width: float, height: float, title: str, *, role: Literal["img", "group"] = "img") -> ET.Element:
    svg = ET.Element("svg", {"xmlns": NAMESPACE, "viewBox": f"0 0 {width:g} {height:g}", "role": role})
    _add(svg, "title").text = _clean(title)
    return svg


def _add(parent: ET.Element, name: str, style: str = "", **attributes: float) -> ET.Element:
    named = {"class": style} if style else {}
    return ET.SubElement(parent, name, named | {key: _number(value) for key, value in attributes.items()})


def _write(
    parent: ET.Element,
    text: str,
    style: str,
    *,
    x: float,
    y: float,
    anchor: Literal["start", "middle", "end"] = "start",
) -> ET.Element:
    element = _add(parent, "text", style, x=x, y=y)
    element.set("text-anchor", anchor)
    element.text = _clean(text)
    return element


def _mark(parent: ET.Element, kind: str, x: float, y: float) -> None:
    """A circle for syntax, a square for function: told apart without colour too."""
    if kind == "syntax":
        _add(parent, "circle", f"mark {kind}", cx=x, cy=y, r=4.5)
    else:
        _add(parent, "rect", f"mark {kind}", x=x - 4.5, y=y - 4.5, width=9, height=9)


def _steps(most: int) -> list[int]:
    """The least number of right completions of each shade: every number its own if they are few, else six steps."""
    if most < SHADES:
        return list(range(most + 1))
    between = SHADES - 2
    return [0, *(1 + math.ceil((most - 1) * part / between) for part in range(between)), most]


def _shade(right: int, n: int) -> float:
    """From 0, where none of n completions is right, to 1, where all are."""
    steps = _steps(n)
    return (bisect.bisect_right(steps, right) - 1) / (len(steps) - 1)


def _legend(svg: ET.Element, most: int, kind: str, width: float) -> None:
    """What the shades mean: numbers of right completions, from none of a problem's to all."""
    verb = "compile" if kind == "syntax" else "pass"
    _write(svg, f"How many of {most} completion{'s' if most > 1 else ''} {verb}", "key", x=1, y=12)
    steps = _steps(most)
    pitch = (width - 2) / max(len(steps), SHADES)
    for number, (first, following) in enumerate(zip(steps, [*steps[1:], most + 1], strict=True)):
        swatch = _add(svg, "rect", f"cell {kind}", x=1 + number * pitch, y=19, width=pitch, height=10)
        swatch.set("fill-opacity", _number(number / (len(steps) - 1)))
        text = f"{first}" if following == first + 1 else f"{first}–{following - 1}"
        _write(svg, text, "tick", x=1 + (number + 0.5) * pitch, y=43, anchor="middle")


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most MOST_POINTS of them."""
    bucket = math.ceil(len(points) / MOST_POINTS) or 1
    parts = [points[start : start + bucket] for start in range(0, len(points), bucket)]
    return [(fmean(step for step, _ in part), fmean(value for _, value in part)) for part in parts]


def _ticks(top: float, most: int, *, low: float = 0.0) -> list[float]:
    """Round numbers from 0 or below `low` to at least `top`, in steps of 1, 2 or 5 times a power of ten.

    About `most` of them.
    """
    low, top = min(low, 0.0), max(top, 0.0)
    span = top - low or 1.0
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first = math.floor(low / step + 1e-9)
    return [step * number for number in range(first, max(math.ceil(top / step - 1e-9), first + 1) + 1)]


def _interval(rate: Rate) -> str:
    return f"{rate.rate * 100:.1f} [{rate.low * 100:.1f}, {rate.high * 100:.1f}]"


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _text(svg: ET.Element) -> str:
    return ET.tostring(svg, encoding="unicode")
