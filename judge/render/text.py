"""Numbers and hostile texts as people read them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from judge.stats.estimate import Estimate, Undefined

NO_NUMBER = "-"

_NUMERIC = re.compile(r"[-+~≥≤<>]?\s?\$?\d[\d.,/]*( ?%| ?s| ?ms)?(?=$| [\[(.])")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def number(value: float) -> str:
    """Return a value with three decimals."""
    return f"{round(value, 3) + 0.0:.3f}"  # -0.0 + 0.0 is 0.0: no number prints as -0.000


def share(value: float) -> str:
    """Return a share in [0, 1] as a percentage."""
    return f"{100 * value:.1f} %"


def interval(found: Estimate) -> str:
    """Return a value with its limits: ``0.812 [0.740, 0.869]``."""
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"


def percent_interval(found: Estimate) -> str:
    """Return a ratio with its limits as percentages: ``93.1 % [88.0, 97.9]``."""
    return f"{share(found.value)} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def figure(found: Estimate | Undefined) -> str:
    """Return an estimate with its limits, or the words that say why there is none."""
    if isinstance(found, Undefined):
        return f"undefined: {found.reason}"
    return interval(found)


def are_numbers(cells: Sequence[str]) -> bool:
    """Whether cells are best set with their ends below each other: half or more are numbers."""
    numbers = sum(_NUMERIC.match(flat(cell)) is not None for cell in cells)
    return numbers > 0 and 2 * numbers >= len(cells)


def printable(text: str) -> str:
    """Return a text that cannot move a cursor, ring a bell or hide behind direction marks."""
    return "".join(
        mark
        if mark in "\n\t" or unicodedata.category(mark) not in _UNPRINTABLE
        else f"\\u{ord(mark):04x}"
        for mark in text
    )


def flat(text: str) -> str:
    """Return a printable text on one line: none of it can look like a line of ours."""
    return " ".join(printable(text).split())


def one_line(text: str, *, most: int = 160) -> str:
    """Return a text on one line, cut where it is longer than `most` characters."""
    line = flat(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def listed(counts: Mapping[str, int]) -> str:
    """Return counts by name: ``output_empty 3, judge_refused 1``."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())
