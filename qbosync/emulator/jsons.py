"""JSON as QuickBooks writes it; money is `Decimal` in both directions and never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import simplejson

from .provenance import RECORDED, rule

rule(
    "amounts carry two decimals (`100.00`), zero is `0`, whole quantities and prices have none",
    RECORDED,
    "sandbox 2015-2022, original literals",
)

Json = dict[str, Any]
CENT = Decimal("0.01")
ZERO = Decimal(0)

_encode = simplejson.JSONEncoder(
    use_decimal=True, separators=(",", ":"), ensure_ascii=False, namedtuple_as_object=False
).encode
_decode = simplejson.JSONDecoder(parse_float=Decimal).decode


def dumps(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return _encode(value).encode("utf-8", "surrogatepass")


def loads(text: bytes) -> Any:
    """Read JSON; numbers with a point become `Decimal`.

    Raises:
        ValueError: If it is not JSON in UTF-8.
    """
    return _decode(text.decode("utf-8"))


def cents(value: Decimal) -> Decimal:
    """Round half up to cents; zero loses its decimals, as QuickBooks prints it."""
    rounded = Decimal(value).quantize(CENT, ROUND_HALF_UP)
    return rounded if rounded else ZERO


def plain(value: Decimal) -> Decimal:
    """A quantity or price without trailing zeros: ``75``, ``4.5``."""
    short = Decimal(value).normalize()
    return short if short.as_tuple().exponent <= 0 else short.quantize(Decimal(1))  # type: ignore[operator]
