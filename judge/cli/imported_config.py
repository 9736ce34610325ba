"""The commented config that reads imported rows."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from judge.cli.config_text import NO_RATINGS, head, rating_terms, role_of, scorers
from judge.cli.importing import ImportedSet, rated_labels, rows_folder
from judge.cli.yaml_text import flow, relative, scalar
from judge.config import OWN_NAMES
from judge.errors import ConfigError, did_you_mean
from judge.importers.merged import Merged
from judge.importers.row_set import ITEMS, RATINGS, VERDICTS
from judge.records.scale import Scale


def config_text(found: ImportedSet, config: Path, *, schema: Path | None, teacher: str = "") -> str:
    """Return a commented config that reads the imported rows.

    Args:
        found: the set.
        config: where it will stand.
        schema: JSON Schema of the outputs.
        teacher: the system that is the teacher; empty for the one that is called so.

    Raises:
        ConfigError: no system goes by that name.
    """
    folder, systems = config.parent, list(found.rows.outputs)
    if teacher and teacher not in systems:
        raise ConfigError(
            f"--teacher {teacher!r}{did_you_mean(teacher, systems)}: the systems are: "
            f"{', '.join(systems)}"
        )
    roles = _roles(systems, teacher)
    target = _target(found.merged, roles)
    lines = [
        *head(config),
        *(f"# From {one.path.name}: {one.tool}." for one in found.files),
        *_dataset(found, config),
        "",
        "systems:",
        *(
            line
            for system, file in found.rows.outputs.items()
            for line in (
                f"  {scalar(system)}:",
                f"    role: {roles[system]}   # teacher, sft, distilled or student",
                f"    outputs: {relative(rows_folder(config) / file, folder)}",
            )
        ),
        *scorers(schema, folder, judged=_judged(found, config, target)),
        *_ratings(found, config, target),
    ]
    return "\n".join(lines) + "\n"


def _roles(systems: Sequence[str], teacher: str) -> Mapping[str, str]:
    roles = {system: role_of(system) for system in systems}
    teachers = [system for system, role in roles.items() if role == "teacher"]
    for system in teachers[0 if teacher else 1 :]:
        roles[system] = "student"  # there is one teacher at most
    return {**roles, teacher: "teacher"} if teacher else roles


def _target(merged: Merged, roles: Mapping[str, str]) -> str:
    """Return what verdicts and labels most likely held outputs against."""
    if any(item.references for item in merged.items):
        return "reference"
    if any(item.input for item in merged.items):
        return "source"
    return "teacher" if "teacher" in roles.values() and len(roles) > 1 else ""


def _dataset(found: ImportedSet, config: Path) -> list[str]:
    items = relative(rows_folder(config) / ITEMS, config.parent)
    lines = ["", "dataset:", f"  items: {items}"]
    if found.rows.several_references:
        lines.append("  alternatives: list         # a reference lists several right answers")
    if not any(item.references for item in found.merged.items):
        lines.append("  # no reference found: task quality will not be measured")
    if not any(item.input for item in found.merged.items):
        lines.append("  # no input found")
    if found.merged.dimensions:
        names = ", ".join(map(scalar, found.merged.dimensions))
        lines.append(f"slices: [{names}]   # metadata with few values")
    return lines


def _judged(found: ImportedSet, config: Path, target: str) -> list[str]:
    merged = found.merged
    if not merged.scales or not target:
        return []
    verdicts = relative(rows_folder(config) / VERDICTS, config.parent)
    lines = [
        "  judged:                      # judges that ran elsewhere: judge validate checks them"
    ]
    for judge, name in _scorer_names(merged.scales).items():
        scale = merged.scales[judge]
        categories = ", ".join(map(scalar, scale.categories))
        lines += [
            f"    {name}:",
            f"      judge: {{recorded: {verdicts}, name: {scalar(judge)}}}",
            (
                f"      scale: {{kind: {scale.kind.value}, categories: [{categories}]}}   "
                "# worst first: check this"
            ),
            f"      against: [{target}]       # what it held outputs against: check this",
        ]
    return lines


def _scorer_names(scales: Mapping[str, Scale]) -> Mapping[str, str]:
    """Return a name for each judge that a config takes for a scorer."""
    names: dict[str, str] = {}
    for judge in scales:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", judge).strip("-") or "judge"
        if not stem[0].isalpha() or stem in OWN_NAMES:
            stem = f"judge-{stem}"
        name, number = stem, 2
        while name in names.values():
            name, number = f"{stem}-{number}", number + 1
        names[judge] = name
    return names


def _ratings(found: ImportedSet, config: Path, target: str) -> list[str]:
    about = found.rated
    if about is None:
        return list(NO_RATINGS)
    lines = [
        "ratings:",
        f"  path: {relative(rows_folder(config) / RATINGS, config.parent)}",
    ]
    if about.judge and target:
        name = _scorer_names(found.merged.scales)[about.judge]
        lines.append(f"  criterion: {name}   # the judge that these ratings check")
    elif found.merged.scales:
        lines.append("  criterion: equivalence")
    if about.labels:
        lines.append(f"  labels: {flow(about.labels)}   # label as stored: what it means; check")
    lines += rating_terms(target or "reference")
    if about.labels is not None:
        return ["", *lines]
    labels = ", ".join(f"{scalar(label)}: ?" for label in rated_labels(found))
    return [
        "",
        "# These labels stand on the scale of no judge here. Map each to a category, and take the",
        "# marks away:",
        *(f"# {line}" for line in [*lines, f"  labels: {{{labels}}}"]),
    ]
