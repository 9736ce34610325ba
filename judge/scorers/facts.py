"""Numbers, dates, quantities and names in a text, as plain rules find them.

They are what an embedding hardly sees and a reader cares about most. The rules know English words
and common notation; names are found by their capitals, so that there are none in scripts without
case, and too many in German, which gives every noun a capital.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import StrEnum
from types import MappingProxyType

FACTS_VERSION = "1"
"""Part of the signature of whatever compares facts."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)  # a text may hold any number
_MOST_DIGITS = 40  # longer ones are compared as they are written
_LARGEST_DAY = 31
_LARGEST_MONTH = 12
_LONGEST_PHRASE = 5
"""Words of a text that may be nothing but a name, as short answers are."""


class FactKind(StrEnum):
    """What a fact is about."""

    DATE = "date"
    QUANTITY = "quantity"
    NUMBER = "number"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing a text says that can be compared exactly.

    Attributes:
        text: as it is written.
        key: what it says, in one notation.
        says: everything it says: a date says its year, five kilometres say five.
    """

    kind: FactKind
    text: str
    key: str
    says: frozenset[str]


_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_MONTH_OF = MappingProxyType(
    {
        **{name: place for place, name in enumerate(_MONTHS, start=1)},
        **{name[:3]: place for place, name in enumerate(_MONTHS, start=1)},
        "sept": 9,
    }
)
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTH_OF, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = tuple(
    re.compile(rf"\b{pattern}(?!\w)", re.IGNORECASE)
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})[/.](?P<second>\d{1,2})[/.](?P<year>\d{4})",
        rf"{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"{_MONTH},?\s+{_YEAR}",
        rf"{_DAY}\s+(?:of\s+)?{_MONTH}",
        rf"{_MONTH}\s+{_DAY}",
    )
)

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth"),
)
_VALUE_OF = MappingProxyType(
    {
        **{word: place for place, word in enumerate(_SMALL)},
        **{word: 10 * place for place, word in enumerate(_TENS, start=2)},
    }
)
_SCALE_OF = MappingProxyType(
    {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
)
# They count nothing more often than something: "one of them", "the second of May".
_HARDLY_NUMBERS = frozenset({"one", *_ORDINALS})
_WORD_NUMBER = (
    rf"(?:(?:{'|'.join(_TENS)})[-\s](?:{'|'.join(_SMALL[1:10])})"
    rf"|{'|'.join(sorted((*_SMALL, *_TENS), key=len, reverse=True))})"
)
_SCALES = "|".join(_SCALE_OF)
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:\.\d+)?)"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<sign>[-\u2212](?=\d))?(?P<before>[$\u20ac\u00a3\u00a5])?\s?(?P<digits>{_DIGITS})"
    rf"(?:(?:st|nd|rd|th)\b|[\s-]?(?P<scale>{_SCALES})\b)?"
    r"(?:[\s-]?(?P<unit>%|\u00b0[CF]|[a-zA-Z\u00b5]+(?:\u00b2|\u00b3)?)(?!\w))?",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    rf"\b(?P<words>{_WORD_NUMBER})\b(?:[\s-](?P<scale>{_SCALES})\b)?(?:[\s-](?P<unit>[a-zA-Z]+)\b)?"
    rf"|\b(?P<ordinal>{'|'.join(_ORDINALS)})\b",
    re.IGNORECASE,
)


def _units() -> Iterator[tuple[str, tuple[str, Decimal]]]:
    for base, factor, names in (
        ("m", "1", "m metre metres meter meters"),
        ("m", "1000", "km kilometre kilometres kilometer kilometers"),
        ("m", "0.01", "cm centimetre centimetres centimeter centimeters"),
        ("m", "0.001", "mm millimetre millimetres millimeter millimeters"),
        ("m", "1609.344", "mi mile miles"),
        ("m", "0.3048", "ft foot feet"),
        ("m", "0.0254", "inch inches"),
        ("g", "1", "g gram grams gramme grammes"),
        ("g", "1000", "kg kilogram kilograms kilo kilos"),
        ("g", "0.001", "mg milligram milligrams"),
        ("g", "1000000", "tonne tonnes"),
        ("g", "453.59237", "lb lbs pound-mass"),
        ("l", "1", "l litre litres liter liters"),
        ("l", "0.001", "ml millilitre millilitres milliliter milliliters"),
        ("s", "1", "s sec secs second seconds"),
        ("s", "0.001", "ms millisecond milliseconds"),
        ("s", "60", "min mins minute minutes"),
        ("s", "3600", "h hr hrs hour hours"),
        ("s", "86400", "day days"),
        ("s", "604800", "week weeks"),
        ("month", "1", "month months"),
        ("month", "12", "year years yr yrs"),
        ("byte", "1000", "kb kilobyte kilobytes"),
        ("byte", "1000000", "mb megabyte megabytes"),
        ("byte", "1000000000", "gb gigabyte gigabytes"),
        ("hz", "1", "hz hertz"),
        ("hz", "1000", "khz"),
        ("hz", "1000000", "mhz"),
        ("w", "1", "w watt watts"),
        ("w", "1000", "kw kilowatt kilowatts"),
        ("celsius", "1", "\u00b0c celsius"),
        ("fahrenheit", "1", "\u00b0f fahrenheit"),
        ("percent", "1", "% percent pct"),
        ("usd", "1", "$ dollar dollars usd"),
        ("eur", "1", "\u20ac euro euros eur"),
        ("gbp", "1", "\u00a3 pound pounds gbp"),
        ("jpy", "1", "\u00a5 yen jpy"),
    ):
        yield from ((name, (base, Decimal(factor))) for name in names.split())


_UNIT_OF = MappingProxyType(dict(_units()))

_NAME_WORD = re.compile(r"[^\W\d_](?:[\w'\u2019]|[.&-](?=\w))*")
_JOINERS = frozenset(["of", "the", "de", "da", "del", "der", "van", "von", "la", "le", "al", "and"])
_SENTENCE_END = re.compile(
    r"[.!?:\u2026][\"')\]\u201d\u2019]*\s+$|\n\s*(?:[-*\u2022]\s*)?$|[\"\u201c(]$"
)
# Capitals that name nothing.
_NO_NAMES = frozenset(
    re.findall(
        r"\S+",
        "a an the i i'm i'd i've i'll it its it's he she they we you his her their our your this "
        "that these those there here and or but if when while where what who whom whose which "
        "why how as at by for from in into of on to with without yes no not is are was were be "
        "been has have had do does did can could will would shall should may might must however "
        "therefore also then so thus because although though since after before during under over "
        "between both each every some any all most many few several other another such only one "
        "two three mr mrs ms dr prof according unfortunately sorry hello please note ok okay",
    )
)


def facts(text: str) -> list[Fact]:
    """Return the facts of a text, in the order dates, numbers and quantities, names."""
    dates = list(_dates(text))
    rest = _blanked(text, [span for span, _ in dates])
    counted = [*_numbers(rest), *_numbers_in_words(rest)]
    named = _blanked(text, [span for span, _ in (*dates, *counted)])
    found = [*(fact for _, fact in dates), *(fact for _, fact in counted), *_names(named)]
    return list({(fact.kind, fact.key): fact for fact in reversed(found)}.values())[::-1]


def plain_words(text: str) -> list[str]:
    """Return the words of a text without case and accents, as names are compared."""
    folded = "".join(
        mark
        for mark in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(mark)
    )
    return [re.sub(r"'s$|\u2019s$|[.'\u2019]", "", word) for word in _NAME_WORD.findall(folded)]


_Span = tuple[int, int]


def _blanked(text: str, spans: Sequence[_Span]) -> str:
    parts, done = [], 0
    for start, end in sorted(spans):
        parts += [text[done:start], "\0" * (end - start)]
        done = end
    return "".join([*parts, text[done:]])


def _dates(text: str) -> Iterator[tuple[_Span, Fact]]:
    for pattern in _DATES:
        spans = []
        for match in pattern.finditer(text):
            if (fact := _date(match)) is not None:
                spans.append(match.span())
                yield match.span(), fact
        text = _blanked(text, spans)


def _date(match: re.Match[str]) -> Fact | None:
    parts = match.groupdict()
    year = parts.get("year") or ""
    if parts.get("first"):
        first, second = int(parts["first"]), int(parts["second"])
        if max(first, second) > _LARGEST_DAY or min(first, second) > _LARGEST_MONTH:
            return None
        days = {(first, second), (second, first)}
        possible = {f"{year}-{month:02}-{day:02}" for month, day in days if month <= _LARGEST_MONTH}
        keys = {"date " + one for one in possible}
        return _dated(match[0], min(keys), says={*keys, f"number {int(year)}"})
    named = str(parts["month"]).casefold()
    month = int(named) if named.isdigit() else _MONTH_OF[named]
    day = int(parts.get("day") or 0)
    if not 1 <= month <= _LARGEST_MONTH or day > _LARGEST_DAY:
        return None
    says = {f"number {int(year)}", f"date {year}-{month:02}"} if year else set()
    if not day:
        return _dated(match[0], f"date {year}-{month:02}", says=says)
    says |= {f"date -{month:02}-{day:02}", f"number {day}"}
    return _dated(match[0], f"date {year}-{month:02}-{day:02}", says=says)


def _dated(text: str, key: str, *, says: set[str]) -> Fact:
    return Fact(kind=FactKind.DATE, text=text.strip(), key=key, says=frozenset({key, *says}))


def _numbers(text: str) -> Iterator[tuple[_Span, Fact]]:
    for match in _NUMBER.finditer(text):
        digits = match["digits"].replace(",", "")
        if len(digits) > _MOST_DIGITS:
            key = f"number {digits}"
            yield match.span(), _counted(match["digits"], key, FactKind.NUMBER, says={key})
            continue
        value = Decimal(digits) * _scale(match["scale"])
        unit = match["before"] or match["unit"] or ""
        sign = -1 if match["sign"] else 1
        yield _measured(match, value * sign, unit)


def _numbers_in_words(text: str) -> Iterator[tuple[_Span, Fact]]:
    for match in _IN_WORDS.finditer(text):
        if match["ordinal"]:
            value = Decimal(_ORDINALS.index(match["ordinal"].casefold()) + 1)
            yield match.span(), _counted(match[0], "", FactKind.NUMBER, says={_number(value)})
            continue
        words = re.split(r"[-\s]", match["words"].casefold())
        value = Decimal(sum(_VALUE_OF[word] for word in words)) * _scale(match["scale"])
        if words == ["one"] and not match["scale"]:
            says = {_number(value)}
            yield match.span("words"), _counted("one", "", FactKind.NUMBER, says=says)
        else:
            yield _measured(match, value, match["unit"] or "")


def _scale(word: str | None) -> int:
    return _SCALE_OF[word.casefold()] if word else 1


def _measured(match: re.Match[str], value: Decimal, unit: str) -> tuple[_Span, Fact]:
    number = _number(value)
    known = _UNIT_OF.get(unit.casefold())
    if known is None:
        start, end = match.span()
        end = match.start("unit") if match["unit"] else end
        shown = match.string[start:end].strip()
        return (start, end), _counted(shown, number, FactKind.NUMBER, says={number})
    base, factor = known
    key = f"quantity {_EXACT.multiply(value, factor).normalize(_EXACT):f} {base}"
    return match.span(), _counted(match[0], key, FactKind.QUANTITY, says={key, number})


def _number(value: Decimal) -> str:
    return f"number {value.normalize(_EXACT):f}"


def _counted(text: str, key: str, kind: FactKind, *, says: set[str]) -> Fact:
    """Return a fact; one without a key is nothing to look for, but says what it says."""
    return Fact(kind=kind, text=text.strip(), key=key or f"said {min(says)}", says=frozenset(says))


def _names(text: str) -> Iterator[Fact]:
    words = list(_NAME_WORD.finditer(text))
    alone = len(words) <= _LONGEST_PHRASE and not re.search(r"[.!?]\s*$", text)
    inside = {word[0] for word in words if word[0][0].isupper() and not _begins(text, word.start())}
    run: list[re.Match[str]] = []
    for word in [*words, None]:
        if word is not None and _goes_on(text, run, word):
            run.append(word)
            continue
        yield from _name(text, run, inside=inside, alone=alone)
        run = [word] if word is not None and _is_capital(word[0]) else []


def _goes_on(text: str, run: Sequence[re.Match[str]], word: re.Match[str]) -> bool:
    between = text[run[-1].end() : word.start()] if run else ""
    joined = between in {" ", "  ", ". ", "-"} or (between == " & ")
    if not run or not joined or (between == ". " and len(run[-1][0]) > 2):  # noqa: PLR2004 - initials
        return False
    return _is_capital(word[0]) or word[0] in _JOINERS


def _name(
    text: str, run: Sequence[re.Match[str]], *, inside: set[str], alone: bool
) -> Iterator[Fact]:
    kept = list(run)
    while kept and (kept[-1][0] in _JOINERS or kept[-1][0].casefold() in _NO_NAMES):
        kept.pop()
    while kept and kept[0][0].casefold() in _NO_NAMES:
        kept.pop(0)
    if not kept:
        return
    first = kept[0]
    lone = len(kept) == 1 and _begins(text, first.start()) and not alone
    if lone and first[0] not in inside and not (first[0].isupper() and len(first[0]) > 1):
        return
    shown = text[first.start() : kept[-1].end()]
    key = " ".join(word for word in plain_words(shown) if word not in _JOINERS)
    if key and len(key) > 1:
        yield Fact(kind=FactKind.NAME, text=shown, key=key, says=frozenset({key}))


def _is_capital(word: str) -> bool:
    return word[0].isupper()


def _begins(text: str, place: int) -> bool:
    before = text[max(0, place - 6) : place]
    return not before.strip() or _SENTENCE_END.search(before) is not None
