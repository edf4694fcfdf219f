"""The curves of a run as a picture, `training_history.png`, drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from evaluation.report.html_page import GREY
from train.runs.panels import CurvePanel

WIDTH, HEIGHT = 1400, 1000
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 70, 25, 60, 50
"""Pixels around the area of one panel in which data are drawn."""
TITLE_PX, TEXT_PX = 20, 15
INK, GRID = "#222222", "#e4e4e4"
DOT_PX = 5
"""Length of the dots and gaps of a training curve."""
BAR_SHARE = 0.7
"""Width of a bar, as a share of the distance between two."""
LEGEND_PX = 250
N_TICKS = 6


class PanelDrawing:
    """The area of one panel, and where values lie in it."""

    def __init__(
        self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], panel: CurvePanel
    ) -> None:
        self.draw, self.panel = draw, panel
        self.left, self.top = corner[0] + MARGIN_LEFT, corner[1] + MARGIN_TOP
        self.right = corner[0] + WIDTH // 2 - MARGIN_RIGHT
        self.bottom = corner[1] + HEIGHT // 2 - MARGIN_BOTTOM
        values = [v for curve in panel.curves for v in curve.y]
        positions = list(panel.epochs)
        if panel.bars:
            values = [*panel.bars.y, 0.0]
            positions = [float(i) for i in range(len(panel.bars.y))]
        finite = [v for v in values if v is not None and math.isfinite(v)] or [0.0]
        self.ticks = ticks(min(finite), max(finite))
        self.low, self.high = self.ticks[0], self.ticks[-1]
        self.first, self.last = min(positions), max(positions)
        if panel.bars or self.first == self.last:
            self.first, self.last = self.first - 0.5, self.last + 0.5

    def x(self, value: float) -> float:
        """Return the column of a horizontal value."""
        return self.left + (value - self.first) / (self.last - self.first) * (
            self.right - self.left
        )

    def y(self, value: float) -> float:
        """Return the row of a vertical value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def text(self, at: tuple[float, float], text: str, anchor: str, size: int = TEXT_PX) -> None:
        """Write a text; `anchor` says which point of it lies at `at`, as Pillow has it."""
        self.draw.text(at, text, INK, ImageFont.load_default(size), anchor)

    def line(self, points: Sequence[tuple[float, float]], colour: str, dotted: bool) -> None:
        """Draw a line through points in pixels."""
        if not dotted:
            self.draw.line(points, colour, 3, "curve")
            return
        for start, end in dots(points):
            self.draw.line((start, end), colour, 2)


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers at equal distances that hold a range.

    >>> ticks(61.2, 84.9)
    [60.0, 65.0, 70.0, 75.0, 80.0, 85.0]
    """
    smallest = 1e-6 * max(1.0, abs(low), abs(high))
    distance = max((high - low) / (N_TICKS - 1), smallest)
    power = 10.0 ** math.floor(math.log10(distance))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= distance * 0.99)
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [round(i * step, 10) for i in range(first, last + 1)]


def dots(
    points: Sequence[tuple[float, float]],
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Yield the ends of the dots of a line through points in pixels."""
    for (x0, y0), (x1, y1) in pairwise(points):
        n = max(1, round(math.hypot(x1 - x0, y1 - y0) / (2 * DOT_PX)))
        for i in range(n):
            a, b = i / n, (i + 0.5) / n
            yield (
                (x0 + a * (x1 - x0), y0 + a * (y1 - y0)),
                (x0 + b * (x1 - x0), y0 + b * (y1 - y0)),
            )


def write(path: Path, name: str, panels: Sequence[CurvePanel]) -> None:
    """Write the four panels as a PNG.

    Args:
        path: the file.
        name: of the run.
        panels: of `train.runs.panels`.
    """
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    for i, panel in enumerate(panels):
        chart = PanelDrawing(draw, (i % 2 * WIDTH // 2, i // 2 * HEIGHT // 2), panel)
        _draw_axes(chart)
        (_draw_bars if panel.bars else _draw_curves)(chart)
        _draw_levels(chart)
    draw.text((WIDTH / 2, 4), name[:80], INK, ImageFont.load_default(TITLE_PX), "mt")
    picture.save(path, "PNG")


def _draw_axes(chart: PanelDrawing) -> None:
    panel = chart.panel
    chart.text(((chart.left + chart.right) / 2, chart.top - 30), panel.title, "mm", TITLE_PX)
    chart.text(((chart.left + chart.right) / 2, chart.bottom + 42), panel.x_title, "mm")
    for value in chart.ticks:
        row = chart.y(value)
        chart.draw.line((chart.left, row, chart.right, row), GRID)
        chart.text((chart.left - 8, row), f"{value:g}", "rm")
    chart.draw.line(
        (chart.left, chart.top, chart.left, chart.bottom, chart.right, chart.bottom), INK
    )
    names: Sequence[str | float] = panel.bars.x if panel.bars else panel.epochs
    step = math.ceil(len(names) / 12)
    for i, named in list(enumerate(names))[::step]:
        at = float(i) if panel.bars else float(named)
        chart.text(
            (chart.x(at), chart.bottom + 16),
            named if isinstance(named, str) else f"{named:.0f}",
            "mm",
        )


def _draw_curves(chart: PanelDrawing) -> None:
    panel = chart.panel
    if panel.best is not None:
        column = chart.x(panel.best)
        chart.line([(column, chart.top), (column, chart.bottom)], GREY, dotted=True)
        chart.text((column, chart.top - 8), f"best: {panel.best}", "mm")
    for i, curve in enumerate(panel.curves):
        points = [
            (chart.x(epoch), chart.y(value))
            for epoch, value in zip(panel.epochs, curve.y, strict=True)
            if value is not None
        ]
        chart.line(points, curve.colour, dotted=not curve.is_validation)
        for column, row in points:
            chart.draw.ellipse((column - 3, row - 3, column + 3, row + 3), curve.colour)
        rises = len(points) > 1 and points[-1][1] < points[0][1]
        # where the curves leave room: below rising ones, above falling ones
        row = chart.bottom - 14 - 20 * (len(panel.curves) - i) if rises else chart.top + 14 + 20 * i
        left = chart.right - LEGEND_PX
        chart.line([(left, row), (left + 26, row)], curve.colour, dotted=not curve.is_validation)
        chart.text((left + 34, row), curve.name, "lm")


def _draw_bars(chart: PanelDrawing) -> None:
    bars = chart.panel.bars
    if bars is None:
        return
    half = BAR_SHARE / 2
    for i, (value, colour) in enumerate(zip(bars.y, bars.colours, strict=True)):
        if value is None:
            continue
        top, bottom = sorted((chart.y(value), chart.y(0.0)))
        chart.draw.rectangle((chart.x(i - half), top, chart.x(i + half), bottom), colour)
        if bars.texts:
            chart.text((chart.x(i), top - 10), bars.texts[i], "mm")


def _draw_levels(chart: PanelDrawing) -> None:
    for level, text in chart.panel.levels:
        if chart.low <= level <= chart.high:
            row = chart.y(level)
            chart.line([(chart.left, row), (chart.right, row)], GREY, dotted=bool(text))
            chart.text((chart.right, row - 9), text, "rm")
