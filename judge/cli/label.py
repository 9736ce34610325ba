"""``judge label``: a page on this machine where a person labels planned outputs, blind."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import DEFAULT_STORE, StoreOption

if TYPE_CHECKING:
    from judge.api.project import Project
    from judge.web.labelling import LabellingDesk

_FILE = "to_label.jsonl"


def label(
    config: Annotated[Path, typer.Argument(help="A config file whose outputs were judged.")],
    *,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Rows that judge plan wrote; default: those of the config's ratings, or else a "
            "plan is made beside the config.",
            show_default=False,
        ),
    ] = None,
    rater: Annotated[str, typer.Option(help="Who labels.")] = "me",
    labels: Annotated[
        int | None, typer.Option(min=1, help="How many, where a plan is made.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Open a page for labelling, and write what is labelled where judge validate reads it."""
    from judge.cli.serving import listen
    from judge.records.label_sheet import LabelSheet
    from judge.web.labelling import LabellingDesk, create_desk
    from judge.web.server import LOOPBACK, bound_socket
    from judge.wiring.project import open_project

    project = open_project(config)
    path = sheet or _sheet_of(project, config, rater=rater, labels=labels, store=store)
    question, against, categories = _asked(project, store)
    desk = LabellingDesk(
        sheet=LabelSheet(path, categories=categories, rater=rater),
        question=question,
        against=against,
        categories=categories,
    )
    listening = bound_socket("127.0.0.1", port)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    print(f"open once: {address}/enter/{desk.links.new_link()}", flush=True)
    print(f"labels go to {path}; Ctrl-C ends, and starting again goes on", flush=True)
    listen(create_desk(desk, hosts=frozenset(LOOPBACK)), listening)
    _say_what_is_next(desk, path, config)


def _sheet_of(
    project: "Project", config: Path, *, rater: str, labels: int | None, store: str
) -> Path:
    """Return the file to fill in: the one that the config names, or that of a new plan."""
    from judge.cli.plan import plan

    if project.ratings is not None and project.ratings.source.plan is not None:
        return project.ratings.source.path
    path = config.parent / _FILE
    if not path.exists():
        plan(config, labels=labels, rater=[rater], output=path, store=store)
    return path


def _asked(project: "Project", store: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the question, what outputs are held against, and the categories."""
    from judge.api.labelling import asked_of_people, question_of
    from judge.wiring.store import open_store

    with open_store(store, existing=True) as kept:
        criterion, target, categories = asked_of_people(project, kept)
    question, against = question_of(criterion, target, categories)
    return question, against, categories


def _say_what_is_next(desk: "LabellingDesk", path: Path, config: Path) -> None:
    done, skipped = desk.sheet.done, desk.sheet.skipped
    print(f"{done} of {len(desk.sheet)} rows done")
    if skipped:
        print(f"{skipped} were skipped: what is left is a random part only if that was by chance")
    beside = path.with_name(f"{path.stem}.plan.jsonl")
    print(
        f"in {config}: ratings: {{path: {path.name}, plan: {beside.name}, source: human, "
        "blind: true}"
    )
    print(f"then: judge validate {config}")
