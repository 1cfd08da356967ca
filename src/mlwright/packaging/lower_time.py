"""Parts of a moment as ONNX nodes: whole-number arithmetic on microseconds, as the compiled code does it.

ONNX cuts quotients off towards zero; moments before 1970 need them rounded down. Dates by Hinnant,
"chrono-compatible low-level date algorithms".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx

from mlwright.features.document import TimePart
from mlwright.packaging.graph_builder import GraphBuilder

NULL_TIME = np.iinfo(np.int64).min
DAY = 86_400_000_000  # microseconds
HOUR = 3_600_000_000
MINUTE = 60_000_000
ERA = 146_097  # days in 400 years
SHIFT = 719_468  # days from 0000-03-01 to 1970-01-01


@dataclass
class MomentParts:
    """The parts of one column of moments; what several parts need is computed once."""

    builder: GraphBuilder
    moments: str

    def part(self, part: TimePart) -> str:
        """Give a part as float64 `[rows, 1]`, NaN where there is no moment."""
        match part:
            case "minute":
                whole = self._sub(
                    self._div(self._split[1], MINUTE), self._mul(self._div(self._split[1], HOUR), 60)
                )
            case "hour":
                whole = self._div(self._split[1], HOUR)
            case "weekday":
                whole = self._floor(self._add(self._split[0], 3), 7)[1]
            case "day":
                whole = self._date[2]
            case "month":
                whole = self._date[1]
            case "quarter":
                whole = self._div(self._add(self._date[1], 2), 3)
            case "yearday":
                whole = self._yearday()
            case "epoch_days":
                days = self.builder.add("Div", self._float(self.moments), self.builder.constant(float(DAY)))
                return self._known(days)
        return self._known(self._float(whole))

    def age(self, by: MomentParts) -> str:
        """Give the days from these moments to others, NaN where one is missing."""
        apart = self._float(self._sub(by.moments, self.moments))
        days = self.builder.add("Div", apart, self.builder.constant(float(DAY)))
        return by._known(self._known(days))

    @cached_property
    def is_null(self) -> str:
        """Give where there is no moment."""
        return self.builder.add("Equal", self.moments, self._whole(NULL_TIME))

    @cached_property
    def _split(self) -> tuple[str, str]:
        return self._floor(self.moments, DAY)

    @cached_property
    def _date(self) -> tuple[str, str, str]:
        """Give year, month and day."""
        era, of_era = self._floor(self._add(self._split[0], SHIFT), ERA)
        leaps = self._sub(self._div(of_era, 36_524), self._div(of_era, ERA - 1))
        year = self._div(self._add_names(self._sub(of_era, self._div(of_era, 1_460)), leaps), 365)
        before = self._sub(self._add_names(self._mul(year, 365), self._div(year, 4)), self._div(year, 100))
        of_year = self._sub(of_era, before)
        shifted = self._div(self._add(self._mul(of_year, 5), 2), 153)
        day = self._add(self._sub(of_year, self._div(self._add(self._mul(shifted, 153), 2), 5)), 1)
        is_late = self.builder.add("Less", shifted, self._whole(10))
        month = self.builder.add("Where", is_late, self._add(shifted, 3), self._add(shifted, -9))
        is_early = self.builder.add(
            "Cast", self.builder.add("LessOrEqual", month, self._whole(2)), to=onnx.TensorProto.INT64
        )
        return self._add_names(self._add_names(year, self._mul(era, 400)), is_early), month, day

    def _yearday(self) -> str:
        """Count days from the first of January, which ends the tenth month of a year that begins in March."""
        era, of_era = self._floor(self._add(self._date[0], -1), 400)
        years = self._sub(
            self._add_names(self._mul(of_era, 365), self._div(of_era, 4)), self._div(of_era, 100)
        )
        first = self._add(self._add_names(self._mul(era, ERA), years), 306 - SHIFT)
        return self._add(self._sub(self._split[0], first), 1)

    def _known(self, values: str) -> str:
        return self.builder.add("Where", self.is_null, self.builder.constant(np.nan), values)

    def _floor(self, value: str, by: int) -> tuple[str, str]:
        """Give quotient and remainder of a division that rounds down."""
        cut = self._div(value, by)
        rest = self._sub(value, self._mul(cut, by))
        is_below = self.builder.add("Less", rest, self._whole(0))
        one = self.builder.add("Cast", is_below, to=onnx.TensorProto.INT64)
        return self._sub(cut, one), self._add_names(rest, self._mul(one, by))

    def _whole(self, value: int) -> str:
        return self.builder.constant(value, np.int64)

    def _float(self, value: str) -> str:
        return self.builder.add("Cast", value, to=onnx.TensorProto.DOUBLE)

    def _div(self, value: str, by: int) -> str:
        return self.builder.add("Div", value, self._whole(by))

    def _mul(self, value: str, by: int) -> str:
        return self.builder.add("Mul", value, self._whole(by))

    def _add(self, value: str, more: int) -> str:
        return self.builder.add("Add", value, self._whole(more))

    def _add_names(self, value: str, more: str) -> str:
        return self.builder.add("Add", value, more)

    def _sub(self, value: str, less: str) -> str:
        return self.builder.add("Sub", value, less)
