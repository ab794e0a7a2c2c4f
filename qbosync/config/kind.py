"""The kinds of value a configuration has: words, statuses, durations, amounts, days.

Each kind says in plain words what it wants.  A value that comes through is canonical: one
spelling per meaning, so that equal settings are equal.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, PlainValidator, StrictBool, StrictInt

from qbosync.model import number

NUMBER_LENGTH = 21
"""What QuickBooks takes as a document's number."""
NAME_LENGTH = 100
LOOPBACK = ("localhost", "127.0.0.1")
_DURATION = re.compile(r"(\d{1,6}) ?([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_INSTANCE = re.compile(r"[a-z0-9-]{1,12}", re.ASCII)
_FILE = re.compile(r"[^/\\\0]+\.(csv|json|jsonl)", re.IGNORECASE)


def kind_of(value: Any) -> str:
    """What a TOML value is, for people."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "true or false"),
        (str, "text"),
        (int, "a number"),
        (Decimal, "a number"),
        (datetime, "a date with a time"),
        (date, "a date"),
        (time, "a time"),
        (list, "a list"),
        (dict, "a table"),
    )
    return next((words for type_, words in names if isinstance(value, type_)), "a value")


def _text(value: Any) -> str:
    """Text as it is; control characters would tear a document, a mail or the marker."""
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, not {kind_of(value)}")
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise ValueError("has a line break or control character in it")
    return value


def _word(value: Any) -> str:
    text = _text(value).strip()
    if not text:
        raise ValueError("is blank")
    return text


def _name(value: Any) -> str:
    text = _word(value)
    if len(text) > NAME_LENGTH:
        raise ValueError(f"has {len(text)} characters; QuickBooks takes {NAME_LENGTH}")
    return text


def status(value: Any) -> str:
    """A status as it is compared: without case, `_` as blank."""
    return " ".join(_word(value).lower().replace("_", " ").split())


def method(value: Any) -> str:
    """A payment method's word as it is compared: without case."""
    return _word(value).casefold()


def _prefix(value: Any) -> str:
    text = _text(value)
    if len(text) >= NUMBER_LENGTH:
        raise ValueError(
            f"has {len(text)} characters; with the number behind it QuickBooks takes"
            f" {NUMBER_LENGTH}"
        )
    return text


def _instance(value: Any) -> str:
    text = _text(value)
    if not _INSTANCE.fullmatch(text):
        raise ValueError("must be 1 to 12 of a-z, 0-9 and -")
    return text


def duration(value: Any) -> timedelta:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError('must be a duration such as "15m", "26h" or "2d"')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def amount(value: Any) -> Decimal:
    """An amount of money, as text or as a TOML number; never negative, never finer than cents."""
    figure = _figure(value)
    if figure < 0 or figure != figure.quantize(Decimal("0.01")):
        raise ValueError("must be an amount such as 0.05: not negative, at most two decimals")
    return figure.quantize(Decimal("0.01"))


def _rate(value: Any) -> Decimal:
    figure = _figure(value)
    if not 0 < figure < 1:
        raise ValueError("must be a rate between 0 and 1, such as 0.11 for 11 %")
    return figure.normalize()


def _figure(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"must be a number such as 0.05, not {kind_of(value)}")
    try:
        return number(str(value))
    except ValueError:
        raise ValueError("must be a number such as 0.05") from None


def _day(value: Any) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("must be a date such as 2026-01-31") from None
    if isinstance(value, datetime) or not isinstance(value, date | None):
        raise ValueError(f"must be a date such as 2026-01-31, not {kind_of(value)}")
    return value


def _start(value: Any) -> date | str | None:
    if isinstance(value, str) and value.strip().casefold() == "everything":
        return "everything"
    try:
        return _day(value)
    except ValueError as error:
        raise ValueError(f'{error} (or the word "everything")') from None


def _clock(value: Any) -> time:
    if isinstance(value, str) and (match := _CLOCK.fullmatch(value.strip())):
        return time(int(match[1]), int(match[2]))
    if isinstance(value, time) and value.tzinfo is None:
        return value.replace(second=0, microsecond=0)
    raise ValueError('must be a time of day such as "07:00"')


def _zone(value: Any) -> str:
    name = _word(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "America" is a folder of the zone files
        raise ValueError(
            f'must be a time zone such as "America/Boise"; {name!r} does not exist'
        ) from None
    return name


def _redirect(value: Any) -> str:
    wanted = (
        "must be https://…, or http:// on localhost or 127.0.0.1, such as"
        ' "http://localhost:8765/callback"'
    )
    parts = _address(value, wanted)
    is_loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (is_loopback or parts.scheme == "https") or parts.fragment:
        raise ValueError(wanted)
    return parts.geturl()


def _api_url(value: Any) -> str:
    wanted = 'must be the emulator\'s address on 127.0.0.1, such as "http://127.0.0.1:8770"'
    parts = _address(value, wanted)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.query or parts.fragment:
        raise ValueError(wanted)
    return parts.geturl().rstrip("/")


def _ping_url(value: Any) -> str:
    if value == "":
        return ""
    wanted = "must be an address that begins with https://"
    parts = _address(value, wanted)
    if parts.scheme != "https":
        raise ValueError(wanted)
    return parts.geturl()


def _address(value: Any, wanted: str) -> SplitResult:
    text = _word(value)
    try:
        parts = urlsplit(text)
        is_whole = parts.hostname and parts.port != 0 and not parts.username
    except ValueError:  # a port or an IPv6 address that is none
        is_whole = False
    if not is_whole or " " in text:
        raise ValueError(wanted)
    return parts


def _date_format(value: Any) -> str:
    """A format must bring back the day it wrote, else a part of the date is missing in it."""
    form = _text(value).strip()
    day = datetime(2031, 12, 28)
    try:
        is_whole = not form or datetime.strptime(day.strftime(form), form).date() == day.date()
    except (ValueError, re.error):  # a directive that stands twice is an error of `re`
        is_whole = False
    if not is_whole:
        raise ValueError('must name day, month and year, such as "%m/%d/%Y"')
    return form


def _file(value: Any) -> str:
    """A name, not a way: the source never reads outside its folder."""
    name = _word(value)
    if not _FILE.fullmatch(name) or name.startswith("."):
        raise ValueError("must be the name of a .csv, .json or .jsonl file in the source's folder")
    return name


def _months(value: int) -> int:
    if value < 0:
        raise ValueError("must be a number of months, 0 or more")
    return value


def _count(value: int) -> int:
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


def _cents(value: Decimal) -> Decimal:
    if value > 1:
        raise ValueError("must be at most 1.00: more is not rounding")
    return value


Text = Annotated[str, BeforeValidator(_text)]
Word = Annotated[str, BeforeValidator(_word)]
Name = Annotated[str, BeforeValidator(_name)]
Status = Annotated[str, BeforeValidator(status)]
Method = Annotated[str, BeforeValidator(method)]
Prefix = Annotated[str, BeforeValidator(_prefix)]
Instance = Annotated[str, BeforeValidator(_instance)]
Duration = Annotated[timedelta, PlainValidator(duration)]
Amount = Annotated[Decimal, PlainValidator(amount)]
Rounding = Annotated[Decimal, PlainValidator(amount), AfterValidator(_cents)]
Rate = Annotated[Decimal, PlainValidator(_rate)]
Day = Annotated[date | None, PlainValidator(_day)]
StartDate = Annotated[date | Literal["everything"] | None, PlainValidator(_start)]
Clock = Annotated[time, PlainValidator(_clock)]
Zone = Annotated[str, BeforeValidator(_zone)]
RedirectUri = Annotated[str, BeforeValidator(_redirect)]
ApiUrl = Annotated[str, BeforeValidator(_api_url)]
PingUrl = Annotated[str, BeforeValidator(_ping_url)]
DateFormat = Annotated[str, BeforeValidator(_date_format)]
File = Annotated[str, BeforeValidator(_file)]
Months = Annotated[StrictInt, AfterValidator(_months)]
Count = Annotated[StrictInt, AfterValidator(_count)]
Switch = StrictBool
