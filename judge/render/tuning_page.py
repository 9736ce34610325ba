"""What came of tuning a judge's wording, as a page and as JSON."""

from collections.abc import Sequence

from judge.render.figures_json import figure_json
from judge.render.json import SCHEMA_VERSION, encoded
from judge.render.page import Page, Section, Table
from judge.render.text import figure, one_line
from judge.trust.tuning import Agreed, Tuning, Wording


def tuning_page(found: Tuning, *, name: str, steps: Sequence[str]) -> Page:
    """Return what was tried, what was chosen by, and what the chosen wording is worth.

    Args:
        found: to show.
        name: of the project.
        steps: what to do next, or what was done, in words.
    """
    return Page(
        title=f"{name}: the wording of the judge",
        sections=[
            _labels_section(found),
            *([_dev_section(found)] if found.wordings else []),
            *_words_sections(found),
            *_test_sections(found),
            Section(title="Next", lines=steps),
        ],
    )


def tuning_json(found: Tuning, *, written: str) -> bytes:
    """Return the same as indented UTF-8 JSON.

    Args:
        found: to show.
        written: the prompt file that was written; empty for none.
    """
    value = {
        "schema_version": SCHEMA_VERSION,
        "labels": {part.value: n for part, n in found.labels.items()},
        "disagreements": found.disagreements,
        "present": None if found.present is None else _agreed_json(found.present),
        "wordings": [_wording_json(one) for one in found.wordings],
        "chosen": found.chosen,
        "reason": found.reason or None,
        "test": None if found.test is None else _agreed_json(found.test),
        "earlier_looks": found.earlier_looks,
        "standing": None if found.validation is None else found.validation.standing.value,
        "prompt": written or None,
    }
    return encoded(value)


def _labels_section(found: Tuning) -> Section:
    counts = ", ".join(f"{part.value} {n}" for part, n in found.labels.items())
    lines = [
        (
            f"labels by people: {counts}; wordings are made from train, one is chosen by dev, and "
            "only the chosen one is measured on test"
        ),
    ]
    if found.disagreements:
        lines.append(f"the judge and people disagree on {found.disagreements} labels of train")
    if found.reason:
        lines.append(found.reason)
    return Section(title="What came of it", lines=lines)


def _dev_section(found: Tuning) -> Section:
    rows = [["present", *_cells(found.present)]]
    rows += [[one.name, *_cells(one.dev)] for one in found.wordings if not one.reason]
    lines = [
        (
            "agreement: mean over classes of the share of people's labels that the judge shares, "
            "on an ordinal scale the mean closeness; the limits hold for all gains together"
        ),
        *(f"{one.name}: not tried: {one.reason}" for one in found.wordings if one.reason),
    ]
    columns = ["wording", "agreement on dev", "gain on dev"]
    return Section(title="Chosen by", lines=lines, tables=[Table(columns=columns, rows=rows)])


def _cells(found: Agreed | None) -> list[str]:
    return ["-", "-"] if found is None else [figure(found.agreement), figure(found.gain)]


def _words_sections(found: Tuning) -> list[Section]:
    """Show what wordings add: a model that read outputs made them, so a person should look."""
    lines = [
        f"{one.name}: {one_line(rule, most=300)}" for one in found.wordings for rule in one.rules
    ]
    lines += [
        f"{one.name}: {len(one.examples)} labels of train as examples"
        for one in found.wordings
        if one.examples
    ]
    return [Section(title="The wordings", lines=lines)] if lines else []


def _test_sections(found: Tuning) -> list[Section]:
    if found.test is None or found.validation is None:
        return []
    agreement, gain = _cells(found.test)
    lines = [
        (
            f"{found.chosen} agrees {agreement} on {found.test.n_labels} labels that had no part "
            f"in it; its gain there is {gain}"
        ),
        f"validated on them: {found.validation.standing.value}",
    ]
    if found.earlier_looks:
        lines.append(
            f"these labels were looked at in {found.earlier_looks} tunings before: what is found "
            "now is flattered by that; label anew to know"
        )
    return [Section(title="Measured on what had no part in it", lines=lines)]


def _agreed_json(found: Agreed) -> object:
    return {
        "n_labels": found.n_labels,
        "agreement": figure_json(found.agreement),
        "gain": figure_json(found.gain),
    }


def _wording_json(one: Wording) -> object:
    return {
        "name": one.name,
        "rules": list(one.rules),
        "examples": [{"id": key.item_id, "system": key.system} for key in one.examples],
        "dev": None if one.dev is None else _agreed_json(one.dev),
        "reason": one.reason or None,
    }
