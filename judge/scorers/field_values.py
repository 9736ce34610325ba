"""When two values of a JSON document are the same, by rules that are declared beforehand."""

import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Literal, TypeAlias

from judge.errors import ConfigError
from judge.records.strict_json import dump_json
from judge.scorers.words import fold

Scalar: TypeAlias = str | int | float | bool
DecimalMark: TypeAlias = Literal["none", "point", "comma"]
ListRule: TypeAlias = Literal["any_order", "in_order"]

RULES_VERSION = "1"

_MOST_DECIMALS = 15
_LONGEST_NUMBER = 60
_LONGEST_DATE = 60
_ANY_FLOAT = Context(prec=400)
# No leading zero: "007" is a name that happens to be made of digits.
_POINT = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|0|[1-9]\d*)(?:,\d+)?", re.ASCII)
_SAMPLE = datetime(2003, 11, 25, 13, 14, 15)  # noqa: DTZ001  only written and read again


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """What makes two values, or two lists, the same.

    Without a rule, values are the same where they are in JSON: 3 is 3.0, but not "3" and not true;
    texts may differ in white space and in how characters are composed. Null, a blank text, an
    empty list and an empty object are no field at all, on either side. A rule turns every value
    into one form, so that if a is b and b is c, a is c: hence numbers may be rounded, but there
    is no tolerance.

    Attributes:
        ignore_case: whether texts may differ in case.
        decimal_mark: of texts that are numbers: ``point`` reads "1,240.50" as 1240.5, ``comma``
            reads "1.240,50" so; ``none`` leaves texts texts.
        decimals: places that numbers are rounded to; None for all.
        dates: the ways dates are written, as `datetime.strptime` has them; the first that fits a
            whole text counts.
        lists: whether the members of a list are matched with those of the other in any order, or
            keeping their order.

    Raises:
        ConfigError: a way to write dates cannot be read, or the decimals are out of range.
    """

    ignore_case: bool = False
    decimal_mark: DecimalMark = "none"
    decimals: int | None = None
    dates: tuple[str, ...] = ()
    lists: ListRule = "any_order"

    def __post_init__(self) -> None:
        if self.decimals is not None and not 0 <= self.decimals <= _MOST_DECIMALS:
            raise ConfigError(f"numbers are rounded to 0 to {_MOST_DECIMALS} decimals")
        for form in self.dates:
            _check_date(form)

    @property
    def identity(self) -> Mapping[str, str]:
        """The rules as they stand in a signature."""
        return {
            "rules": RULES_VERSION,
            "case": "ignored" if self.ignore_case else "kept",
            "decimal_mark": self.decimal_mark,
            "decimals": "all" if self.decimals is None else str(self.decimals),
            "dates": dump_json(list(self.dates)),
            "lists": self.lists,
        }


def is_same(one: Scalar, other: Scalar, rules: FieldRules) -> bool:
    """Whether two values are the same."""
    if type(one) is type(other) and one == other:
        return True
    return value_key(one, rules) == value_key(other, rules)


def value_key(value: Scalar, rules: FieldRules) -> Hashable:
    """Return the form of a value: two values are the same exactly where it is equal."""
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, str):
        return _text_key(value, rules)
    return ("number", _rounded(Decimal(value) if isinstance(value, int) else _exact(value), rules))


def _text_key(value: str, rules: FieldRules) -> Hashable:
    text = " ".join(value.split())
    if (moment := _date(text, rules)) is not None:
        return ("date", moment)
    if (number := _number(text, rules)) is not None:
        return ("number", _rounded(number, rules))
    if rules.ignore_case:
        return ("text", fold(text))
    return ("text", text if text.isascii() else unicodedata.normalize("NFC", text))


def _exact(value: float) -> Decimal:
    # As it is written: 0.1 in a document and "0.1" in another are the same number.
    return Decimal(repr(value))


def _rounded(number: Decimal, rules: FieldRules) -> Decimal:
    if rules.decimals is None:
        return number
    return number.quantize(Decimal(1).scaleb(-rules.decimals), context=_ANY_FLOAT)


def _number(text: str, rules: FieldRules) -> Decimal | None:
    if rules.decimal_mark == "none" or len(text) > _LONGEST_NUMBER:
        return None
    by_comma = rules.decimal_mark == "comma"
    if not (_COMMA if by_comma else _POINT).fullmatch(text):
        return None
    plain = text.replace(".", "").replace(",", ".") if by_comma else text.replace(",", "")
    return Decimal(plain)


def _date(text: str, rules: FieldRules) -> datetime | None:
    if not rules.dates or len(text) > _LONGEST_DATE:
        return None
    for form in rules.dates:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  a date has no zone unless it says so
        except ValueError:
            continue
    return None


def _check_date(form: str) -> None:
    try:
        written = _SAMPLE.strftime(form)
        read = datetime.strptime(written, form)  # noqa: DTZ007  only to see that it can be read
    except ValueError as error:
        raise ConfigError(f"{form!r} is no way to write dates: {error}") from error
    if read.date() != _SAMPLE.date():
        raise ConfigError(f"{form!r} does not say year, month and day")
