"""``judge generate``: teacher and students through one harness."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.exits import ExitCode, gravest
from judge.cli.options import (
    DEFAULT_CONNECTIONS,
    ConnectionsOption,
    JsonOption,
    MaxCostOption,
    RequestsOption,
    TokensOption,
    call_limits,
)

if TYPE_CHECKING:
    from judge.results.generated import Generated
    from judge.wiring.endpoint import CallLimits
    from judge.wiring.generating import Generation


def generate(
    config: Annotated[Path, typer.Argument(help="A config whose systems say which model to ask.")],
    *,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="SYSTEM", help="Ask this one alone; repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be asked and what it costs; no call, nothing written."
        ),
    ] = False,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every system the same questions, and write its outputs with time, tokens and cost."""
    from judge.cli.loop import run_until_done
    from judge.cli.output import print_json, print_page
    from judge.render.generated_page import generated_json, generated_page
    from judge.wiring.generating import generate_all, open_generation

    generation = open_generation(config, only=only or (), limit=limit)
    calls = call_limits(connections=max_connections, rpm=rpm, tpm=tpm, max_cost=max_cost)
    if dry_run:
        _print_forecast(generation, calls, as_json=as_json)
        return
    found, interrupted = run_until_done(
        lambda stop: generate_all(generation, calls, stop=stop, watcher=_Rows())
    )
    if as_json:
        print_json(generated_json(found))
    else:
        print_page(generated_page(generation.name, found))
    raise typer.Exit(_exit_code(found, interrupted=interrupted))


def _exit_code(found: "list[Generated]", *, interrupted: bool) -> ExitCode:
    codes = [ExitCode.DONE if one.complete else ExitCode.INCOMPLETE for one in found]
    return gravest([*codes, *([ExitCode.INTERRUPTED] if interrupted else [])])


class _Rows:
    """Says on stderr how many rows are written."""

    _EVERY = 100

    def __init__(self) -> None:
        self._written: dict[str, int] = {}

    def __call__(self, system: str) -> None:
        self._written[system] = n = self._written.get(system, 0) + 1
        if n % self._EVERY == 0:
            print(f"judge: {system}: {n} rows", file=sys.stderr)


def _print_forecast(generation: "Generation", calls: "CallLimits", *, as_json: bool) -> None:
    import msgspec

    from judge.cli.loop import run_until_done
    from judge.cli.output import print_json
    from judge.render.money import money
    from judge.wiring.generating import forecast_all

    parts, _ = run_until_done(lambda _: forecast_all(generation, calls))
    if as_json:
        body = {"name": generation.name, "n_items": len(generation.items), "forecast": parts}
        print_json(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n")
        return
    print(f"{generation.name}: {len(generation.items)} items, nothing was called or written")
    for system, cost in parts.items():
        print(
            f"  {system}: {cost.calls} calls at most, about {cost.input_tokens:,} tokens in; "
            f"likely cost: {money(cost.likely)}, at most: {money(cost.most)}"
        )
