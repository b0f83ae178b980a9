"""Charts as numbers for an SVG in the template: widths and heights stand in attributes, never in styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LEFT: Final = 48.0
_RIGHT: Final = 700.0
_BARS_RIGHT: Final = 580.0
_TOP: Final = 16.0
_FLOOR: Final = 190.0
_TICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart with its number."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A line over time, ready to be drawn."""

    line: str
    area: str
    ticks: list[Tick]
    marks: list[tuple[float, str]]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its number and the word below it."""

    x: float
    y: float
    height: float
    value: int
    label: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars side by side, ready to be drawn; the words above are those of the highest and the last."""

    bars: list[Bar]
    ticks: list[Tick]
    width: float


def line_chart(values: Sequence[float], labels: Sequence[str]) -> Chart:
    """Return the chart of at least two values; `labels` name some of the places, spread evenly."""
    top = _round_up(max(values))
    step = (_RIGHT - _LEFT) / max(1, len(values) - 1)
    points = [(_LEFT + step * place, _height(value, top)) for place, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Chart(
        line=line,
        area=f"{_LEFT},{_FLOOR} {line} {points[-1][0]:.1f},{_FLOOR}",
        ticks=_ticks(top),
        marks=_marks(labels),
        end=points[-1],
    )


def _ticks(top: float) -> list[Tick]:
    steps = [top * part / _TICKS for part in range(_TICKS + 1)]
    return [Tick(_height(step, top), f"{step:,.0f}") for step in steps]


def _marks(labels: Sequence[str]) -> list[tuple[float, str]]:
    step = (_RIGHT - _LEFT) / max(1, len(labels) - 1)
    return [(_LEFT + step * place, label) for place, label in enumerate(labels)]


def _height(value: float, top: float) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * value / top, 1)


def _round_up(value: float) -> float:
    """Return a round number not below the value, three times a whole one so that the ticks are round too."""
    size = 3.0
    while size < value:
        for factor in (2, 2.5, 2):
            size *= factor
            if size >= value:
                break
    return size


def bar_chart(values: Sequence[int], labels: Sequence[str]) -> BarChart:
    """Return bars of the values; none for none."""
    top = _round_up(max(values, default=0))
    step = (_BARS_RIGHT - _LEFT) / max(1, len(values))
    bars = [
        Bar(round(_LEFT + step * (place + 0.2), 1), y, round(_FLOOR - y, 1), value, label)
        for place, (value, label) in enumerate(zip(values, labels, strict=True))
        for y in (_height(value, top),)
    ]
    return BarChart(bars, _ticks(top), round(step * 0.6, 1))
