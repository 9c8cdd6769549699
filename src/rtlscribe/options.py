"""Kinds of numbers that options take, with the ranges that the command line checks. Converts nothing."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Count = Annotated[int, Parameter(validator=Number(gte=1))]
CountFromZero = Annotated[int, Parameter(validator=Number(gte=0))]
FromZero = Annotated[float, Parameter(validator=Number(gte=0))]
Share = Annotated[float, Parameter(validator=Number(gt=0, lte=1))]
Positive = Annotated[float, Parameter(validator=Number(gt=0, lt=1e9))]  # seconds, passes, rates; bounded: inf and nan
