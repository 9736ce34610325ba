"""``judge plan``: how many labels it takes, and the rows to label."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.api.project import Project
    from judge.trust.planning import LabelPlan

_WIDEST = 0.5  # half of all shares there are


def plan(
    config: Annotated[Path, typer.Argument(help="A config file whose outputs were judged.")],
    *,
    labels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Outputs to be labelled; default: what the half-width and a trusted judge take.",
            show_default=False,
        ),
    ] = None,
    half_width: Annotated[
        float, typer.Option(help="Wanted of each system's share of passes, in (0, 0.5).")
    ] = 0.05,
    margin: Annotated[
        float, typer.Option(help="Share of the teacher's quality to be kept, in (0, 1).")
    ] = 0.9,
    rater: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Who labels; each labels every row; repeatable."),
    ] = None,
    seconds_per_label: Annotated[float, typer.Option(min=0, help="That a rater takes.")] = 60.0,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the draw; default: the config's.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write the rows to label: .jsonl or .csv, and NAME.plan.jsonl beside it.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Say how many labels by people an aim takes, and draw the outputs to be labelled."""
    from judge.api.labelling import plan_labels
    from judge.cli.output import print_json, print_page
    from judge.render.plan_page import plan_json, plan_page
    from judge.trust.planning import Wishes
    from judge.wiring.project import open_project
    from judge.wiring.store import open_store

    _check_between("--half-width", half_width, _WIDEST)
    _check_between("--margin", margin, 1)
    if output is not None:
        _check_output(output)
    project = open_project(config)
    wishes = Wishes(
        labels=labels,
        half_width=half_width,
        margin=margin,
        raters=tuple(dict.fromkeys(rater or ())),
        seconds_per_label=seconds_per_label,
        seed=project.seed if seed is None else seed,
    )
    with open_store(store, existing=True) as kept:
        found = plan_labels(project, kept, wishes)
    files = {} if output is None else _write(found, project, output)
    if as_json:
        print_json(plan_json(found, files={name: str(path) for name, path in files.items()}))
    else:
        steps = _steps(found, config, files)
        print_page(plan_page(found, name=project.name, steps=steps))


def _check_between(option: str, value: float, most: float) -> None:
    if not 0 < value < most:
        raise ConfigError(f"{option} must lie between 0 and {most:g}, not {value:g}")


def _check_output(output: Path) -> None:
    from judge.cli.output import check_endings

    check_endings([output], (".jsonl", ".csv"))
    for path in (output, _plan_beside(output)):
        if path.exists():
            raise ConfigError(
                f"{path} exists already, and labels in it would be lost; give another name with -o"
            )


def _plan_beside(output: Path) -> Path:
    return output.with_name(f"{output.stem}.plan.jsonl")


def _write(found: "LabelPlan", project: "Project", output: Path) -> Mapping[str, Path]:
    from judge.cli.output import write_whole
    from judge.records.planned import plan_jsonl
    from judge.render.raters_file import raters_csv, raters_jsonl

    records = {row.key: project.dataset.record(row.key) for row in found.rows}
    make = raters_csv if output.suffix == ".csv" else raters_jsonl
    body, beside = make(found, records), _plan_beside(output)
    write_whole(beside, plan_jsonl(found.rows))
    write_whole(output, body)
    return {"to_label": output, "plan": beside}


def _steps(found: "LabelPlan", config: Path, files: Mapping[str, Path]) -> Sequence[str]:
    if not files:
        return [f"write the rows to label: judge plan {config} -o to_label.jsonl"]
    to_label, beside = (os.path.relpath(path, config.parent) for path in files.values())
    section = (
        f"{{path: {to_label}, plan: {beside}, target: {found.measure.target.value}, "
        "source: human, blind: true}"
    )
    labels = ", ".join(found.measure.categories)
    return [
        f"wrote {files['to_label']} for the raters, and {files['plan']}, which they must not see",
        f"label each row, from the first on and leaving none out: {labels}",
        f"in {config}: ratings: {section}",
        f"then: judge validate {config}",
    ]
