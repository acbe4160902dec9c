"""Charts show what they are given: within the drawing, with every peak, whatever the numbers."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.pages import Axis, Bar, Series, bars, heatmap, line, meter
from homefield.pages.axis import ticks
from homefield.pages.charts import HEIGHT, LEFT, WIDTH, thin

NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([math.nan, math.inf, -math.inf])
FINITE = st.floats(min_value=-1e12, max_value=1e12)


@given(FINITE, FINITE)
def test_ticks_are_round_few_and_cover_the_range(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    if high - low <= 1e-6 * max(1.0, abs(low), abs(high)):
        return
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert found[0] <= low + 1e-6 * (high - low)
    assert found[-1] >= high - 1e-6 * (high - low)
    steps = [b - a for a, b in pairwise(found)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-3)


@pytest.mark.parametrize(
    ("axis", "values", "expected"),
    [
        (Axis("", 0, 1, "percent"), [], ["0%", "25%", "50%", "75%", "100%"]),
        (Axis("", 0, kind="percent"), [0.09], ["0.0%", "2.5%", "5.0%", "7.5%", "10.0%"]),
        (Axis("", 0, kind="count"), [40_000], ["0k", "10k", "20k", "30k", "40k"]),
        (Axis("", 0), [2e-4], ["0", "5.0e−5", "1.0e−4", "1.5e−4", "2.0e−4"]),
        (Axis("", 0, kind="count"), [0], ["0.00", "0.25", "0.50", "0.75", "1.00"]),
    ],
)
def test_ticks_are_written_exactly(axis: Axis, values: list[float], expected: list[str]) -> None:
    scale = axis.fitted(values, 0, 100)
    assert [scale.label(tick) for tick in scale.ticks] == expected


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30))
def test_lines_stay_within_the_drawing(points: list[tuple[float, float]]) -> None:
    drawn = line([Series("s", [x for x, _ in points], [y for _, y in points], dots=True)], x=Axis("x"), y=Axis("y"))
    for x, y in re.findall(r'cx="([^"]+)" cy="([^"]+)"', drawn):
        assert LEFT <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    assert "nan" not in drawn.replace("</tspan>", "")
    assert "inf" not in drawn


def test_a_gap_in_the_numbers_is_a_gap_in_the_line() -> None:
    drawn = line([Series("s", [0, 1, 2, 3], [1, 2, math.nan, 3])], x=Axis("x"), y=Axis("y"))
    path = re.search(r'class="line s-accent" d="([^"]+)"', drawn)
    assert path is not None
    assert path[1].count("M") == 2


@given(st.lists(FINITE, min_size=1, max_size=3000))
def test_thinning_keeps_the_ends_and_the_peaks(values: list[float]) -> None:
    kept = thin(values, 100)
    assert len(kept) <= 104
    assert kept == sorted(set(kept))
    assert {0, len(values) - 1} <= set(kept)
    assert max(values[index] for index in kept) == max(values)
    assert min(values[index] for index in kept) == min(values)


def test_bars_are_as_long_as_their_share_of_the_longest() -> None:
    widths = re.findall(
        r'class="f-accent" width="([\d.]+)%"', bars([Bar("a", 10, "10"), Bar("b", 4, "4"), Bar("c", 0, "0")])
    )
    assert [float(width) for width in widths] == [100, 40, 0]


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.5, 7.0, math.nan, math.inf])
def test_a_meter_never_leaves_its_cell(share: float) -> None:
    width = re.search(r'class="f-accent" width="([\d.]+)"', meter(share))
    assert width is not None
    assert 0 <= float(width[1]) <= 84


def test_a_square_of_eighty_classes_is_small_and_draws_only_what_is_there() -> None:
    names = [f"class_{index}" for index in range(80)]
    values = [[20 if i == j else int((i * 7 + j) % 97 == 0) for j in range(80)] for i in range(80)]
    drawn = heatmap(values, names, names, name="confusion")
    assert drawn.count("<title>") == sum(value > 0 for row in values for value in row)
    assert len(drawn) < 60_000
    assert 'class="value' not in drawn


def test_a_small_square_writes_its_numbers_and_marks_what_is_wrong() -> None:
    drawn = heatmap([[8, 2], [0, 5]], ["a", "b"], ["a", "b"], name="confusion")
    assert re.findall(r'class="value[^"]*">(\d+)<', drawn) == ["8", "2", "5"]
    assert drawn.count('class="wrong"') == 1
    assert "a → b: 2" in drawn
