"""What systems take to run, as a section of a page."""

from collections.abc import Mapping, Sequence

from judge.render.money import dollars
from judge.render.page import Section, Table
from judge.render.text import NO_NUMBER, listed, percent_interval
from judge.reports.operations import PERCENTILES, Operations, OperationsRow, SavedRow
from judge.stats.estimate import Estimate, Undefined

_Found = Estimate | Undefined | None


def operations_sections(found: Operations | None) -> list[Section]:
    """Return the section, or none where nothing is known."""
    if found is None:
        return []
    lines = [*found.warnings, *_failures(found.rows), *_notes(found)]
    tables = [_sizes(found.rows)]
    if any(row.latency_ms for row in found.rows):
        tables.insert(0, _times(found.rows))
    if found.saved:
        lines.append(
            "saved: the student beside its teacher on the same items; below 0: it takes more"
        )
        tables.append(_saved(found.saved))
    return [Section(title="Operations", lines=lines, tables=tables)]


def _failures(rows: Sequence[OperationsRow]) -> list[str]:
    return [f"{row.system}: outputs not made: {listed(row.failed)}" for row in rows if row.failed]


def _notes(found: Operations) -> list[str]:
    """Say once each why a figure of the tables has no limits."""
    figures = {
        f"{row.system}: {name}": figure
        for row in found.rows
        for name, figure in (
            *((f"latency {p}", one) for p, one in row.latency_ms.items()),
            ("tokens in", row.input_tokens),
            ("tokens out", row.output_tokens),
        )
    }
    return [
        f"{name}: {figure.reason}"
        for name, figure in figures.items()
        if isinstance(figure, Undefined)
    ]


def _times(rows: Sequence[OperationsRow]) -> Table:
    return Table(
        columns=[
            "system",
            "timed",
            *(f"latency {name}" for name in PERCENTILES),
            "first token p50",
        ],
        rows=[
            [
                row.system,
                f"{row.n_timed} of {row.n}",
                *(_seconds(row.latency_ms, name) for name in PERCENTILES),
                _seconds(row.first_token_ms, "p50"),
            ]
            for row in rows
        ],
    )


def _sizes(rows: Sequence[OperationsRow]) -> Table:
    return Table(
        columns=[
            *("system", "parameters", "memory", "hardware", "batch", "outputs per s"),
            *("tokens in", "tokens out", "cost per 1,000"),
        ],
        rows=[
            [
                row.system,
                row.parameters or NO_NUMBER,
                f"{row.conditions.memory_gib:g} GiB" if row.conditions.memory_gib else NO_NUMBER,
                row.conditions.hardware or NO_NUMBER,
                row.conditions.batch or NO_NUMBER,
                f"{row.conditions.outputs_per_s:.2f}"
                if row.conditions.outputs_per_s
                else NO_NUMBER,
                _tokens(row.input_tokens),
                _tokens(row.output_tokens),
                _cost(row),
            ]
            for row in rows
        ],
    )


def _saved(rows: Sequence[SavedRow]) -> Table:
    return Table(
        columns=["student and quantity", "items", "saved in all", "saved on a typical item"],
        rows=[
            [f"{row.student}  {row.quantity}", str(row.n), _share(row.saved), _share(row.typical)]
            for row in rows
        ],
    )


def _share(found: Estimate | Undefined) -> str:
    return found.reason if isinstance(found, Undefined) else percent_interval(found)


def _seconds(found: Mapping[str, Estimate | Undefined], name: str) -> str:
    one = found.get(name)
    if one is None or isinstance(one, Undefined):
        return NO_NUMBER
    low, value, high = (f"{ms / 1000:.3g}" for ms in (one.low, one.value, one.high))
    return f"{value} s [{low}, {high}]"


def _tokens(found: _Found) -> str:
    if found is None or isinstance(found, Undefined):
        return NO_NUMBER
    return f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def _cost(row: OperationsRow) -> str:
    found = row.cost_per_1000
    if found is None:
        return "unknown"
    unknown = "" if row.n_priced == row.n else f"; {row.n - row.n_priced} of unknown cost"
    if isinstance(found, Undefined):
        return f"{NO_NUMBER} ({found.reason}){unknown}"
    return f"{dollars(found.value)} [{dollars(found.low)}, {dollars(found.high)}]{unknown}"
