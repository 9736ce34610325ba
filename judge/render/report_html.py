"""The report of a run as one HTML file: its page, and the examples it rests on."""

from dataclasses import replace

from judge.records.record import System
from judge.render.drawing import marker
from judge.render.examples import examples_script
from judge.render.html import as_html
from judge.render.markup import Markup, element, together
from judge.render.page import Section, Table
from judge.render.pages import cell, report_page
from judge.render.text import flat
from judge.reports.groups import OVERALL
from judge.reports.report import Report

_SHOWN = {
    "": "all of them",
    "people": "judge and people disagree",
    "low": "with a low score",
    "teacher": "scored below the teacher",
    "flagged": "with a doubted score",
    "missing": "without a score",
}
_AGAINST = {"reference": "the reference", "teacher": "the teacher"}


def report_html(report: Report) -> bytes:
    """Return a report as an HTML file that loads nothing: for a browser, a mail or a printer."""
    page = report_page(report)
    first = int(page.sections[0].title == "Decision")  # nothing stands over it
    return as_html(
        replace(page, sections=[*page.sections[:first], *_glance(report), *page.sections[first:]]),
        heading=report.manifest.name,
        lead=_lead(report),
        more={"Examples": _examples(report)},
        series=[system.name for system in report.manifest.systems],
    )


def _lead(report: Report) -> Markup:
    manifest = report.manifest
    systems = [
        element(
            "li",
            marker(place),
            element("bdi", flat(system.name), class_="value"),
            " ",
            element("span", _about(system), class_="quiet"),
        )
        for place, system in enumerate(manifest.systems)
    ]
    facts = [
        f"run {manifest.run_id}",
        f"{manifest.n_items:,} items",
        f"{len(report.examples):,} records",
        f"{len(manifest.measures)} measures",
        f"scored {manifest.started:%Y-%m-%d %H:%M} UTC",
        "complete" if report.complete else "not complete",
    ]
    return together(
        element("p", " · ".join(facts), class_="facts"),
        element("ul", *systems, class_="systems", aria_label="Systems"),
    )


def _about(system: System) -> str:
    words = [system.role.value if system.role.value != system.name else "", system.parameters]
    return ", ".join(filter(None, words))


def _glance(report: Report) -> list[Section]:
    """Return the overall numbers in one table, where there is more than one to see."""
    rows = {(row.metric, row.system): row for row in report.estimates if row.slice == OVERALL}
    metrics = list(dict.fromkeys(metric for metric, _ in rows))
    if len(rows) == 1:
        return []
    systems = [system.name for system in report.manifest.systems]
    cells = [[metric, *(cell(rows[metric, system]) for system in systems)] for metric in metrics]
    return [Section(title="At a glance", tables=[Table(columns=["overall", *systems], rows=cells)])]


def _examples(report: Report) -> Markup:
    slices = [
        f"{name}={value}" for name, found in report.manifest.slices.items() for value in found
    ]
    metrics = [measure.metric for measure in report.manifest.measures]
    systems = [system.name for system in report.manifest.systems]
    controls = element(
        "form",
        _choice("system", {"": "every system", **{name: name for name in systems}}),
        _choice("slice", {"": "every slice", **{name: name for name in slices}}),
        _choice("metric", {"": "every metric", **{name: name for name in metrics}}),
        _choice("show", _SHOWN),
        _choice("against", _AGAINST, label="compare with"),
        element(
            "label",
            "search",
            element("input", type="search", id="find", autocomplete="off", spellcheck="false"),
        ),
        id="filters",
        aria_label="Which examples",
    )
    return element(
        "div",
        element(
            "noscript",
            element(
                "p", "The examples are shown by a script, and scripts are off.", class_="lines"
            ),
        ),
        element("p", "", id="of-all", class_="lines"),
        controls,
        element("p", "", id="count", role="status"),
        element("ol", id="list"),
        element("button", "Show more", id="more", type="button", hidden=True),
        element(
            "script",
            Markup(examples_script(report)),
            type="application/json",
            id="examples-data",
        ),
        element(
            "p", f"judge report {report.manifest.run_id} -o examples.jsonl", hidden=True, id="whole"
        ),
        id="examples",
    )


def _choice(name: str, options: dict[str, str], *, label: str = "") -> Markup:
    listed = [element("option", flat(words), value=value) for value, words in options.items()]
    return element("label", label or name, element("select", *listed, id=f"by-{name}"))
