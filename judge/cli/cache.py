"""``judge cache``: the answers that are kept, and forgetting them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption

if TYPE_CHECKING:
    from judge.results.completions import CompletionStatistics


def cache(
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all of them.")] = False,
    older_than: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=1, help="Forget those older than so many days."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show which answers of endpoints are kept to be used again, or forget them.

    An answer is used again when nothing about its question changed that could change it: model,
    endpoint, prompt, texts, sampling, reply schema. Results of runs are kept in any case.
    """
    from datetime import UTC, timedelta

    from judge.wiring.store import open_store, store_name

    with open_store(store, existing=True) as kept:
        forgotten = 0
        if clear or older_than is not None:
            before = None if clear else datetime.now(UTC) - timedelta(days=older_than or 0)
            forgotten = kept.completions.forget_completions(older_than=before)
        found = kept.completions.statistics()
        _show(found, forgotten, store_name(store), as_json=as_json)


def _show(found: "CompletionStatistics", forgotten: int, store: str, *, as_json: bool) -> None:
    import msgspec

    from judge.cli.output import print_json
    from judge.render.money import money

    if as_json:
        body = {**msgspec.to_builtins(found), "forgotten": forgotten}
        print_json(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n")
        return
    if forgotten:
        print(f"{forgotten} answers forgotten")
    print(f"{store}: {found.entries} answers kept, {found.bytes / 1e6:.1f} MB")
    if found.oldest is not None and found.newest is not None:
        print(f"  from {found.oldest:%Y-%m-%d %H:%M} to {found.newest:%Y-%m-%d %H:%M} UTC")
        print(f"  asking for all of them again would cost: {money(found.worth)}")
