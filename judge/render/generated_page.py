"""What became of asking systems for their outputs, as a page and as JSON."""

from collections.abc import Sequence

from judge.render.json import encoded
from judge.render.money import money
from judge.render.page import Page, Section, Table
from judge.render.text import listed
from judge.results.generated import Generated


def generated_page(name: str, found: Sequence[Generated]) -> Page:
    """Return the page."""
    table = Table(
        columns=["system", "kept", "made", "failed", "left", "cost", "file"],
        rows=[
            [
                one.system,
                *map(str, (one.kept, one.made, sum(one.failed.values()), one.left)),
                money(one.cost),
                str(one.path),
            ]
            for one in found
        ],
    )
    lines = [f"{one.system}: no output: {listed(one.failed)}" for one in found if one.failed]
    lines += [f"{one.system}: stopped: {one.halted}" for one in found if one.halted]
    if not all(one.complete for one in found):
        lines.append("the same command goes on where this one ended, and asks again what failed")
    return Page(
        title=f"{name}: outputs", sections=[Section(title="Outputs", lines=lines, tables=[table])]
    )


def generated_json(found: Sequence[Generated]) -> bytes:
    """Return the same as JSON."""
    return encoded(
        {
            "schema_version": "1",
            "systems": [
                {
                    "system": one.system,
                    "outputs": str(one.path),
                    "kept": one.kept,
                    "made": one.made,
                    "failed": dict(one.failed),
                    "left": one.left,
                    **({"halted": one.halted} if one.halted else {}),
                    # Absent where nothing of it is known: no cost is told as 0 that may be more.
                    **({"cost_usd": one.cost.dollars} if one.cost.known else {}),
                    "calls_of_unknown_cost": one.cost.unknown,
                }
                for one in found
            ],
        }
    )
