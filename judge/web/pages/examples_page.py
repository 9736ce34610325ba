"""The examples of a run: chosen by what they are like, a page at a time, and one of them whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from judge.records.record import Record
from judge.render.drawing import marker
from judge.render.html import breakable
from judge.render.markup import Markup, element
from judge.render.text import one_line
from judge.reports.example_index import FATE, LABEL, RIGHT, WRONG, Asked, ExampleIndex
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import RunManifest
from judge.web.access import Caller, Role, needs
from judge.web.pages.example_page import example_parts
from judge.web.pages.frame import framed, looks_again, table
from judge.web.problems import Problem, not_found
from judge.web.server import Server

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

PAGE = 25
_SEARCHED_AT_ONCE = 1_000
_SEARCH_S = 0.25
_LOOKS_AGAIN_S = 2
_SHOWN = {
    RIGHT: "right",
    WRONG: "wrong",
    "people": "judge and people disagree",
    "low": "with a low score",
    "teacher": "scored below the teacher",
    "flagged": "with a doubted score",
    "missing": "without a score",
}
_AGAINST = {"": "the reference", "teacher": "the teacher"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What stands in the address of a page of examples.

    Attributes:
        find: words that stand in a text of the record.
        against: what an open example is compared with: the reference, or ``teacher``.
        start: so many of those that are like that are passed over.
    """

    asked: Asked
    find: str
    against: str
    start: int

    def query(self, **changes: str | int) -> str:
        """Return the same as the end of an address, with changes; what is empty is left out."""
        asked = self.asked
        fields: dict[str, str | int] = {
            "system": asked.system,
            "slice": asked.slice,
            "metric": asked.metric,
            "show": asked.show,
            "find": self.find,
            "against": self.against,
            "from": self.start,
            **changes,
        }
        said = urlencode({name: value for name, value in fields.items() if value})
        return f"?{said}" if said else ""


def _chosen(
    *,
    system: Annotated[str, Query(max_length=1000)] = "",
    slice_name: Annotated[str, Query(alias="slice", max_length=1000)] = "",
    metric: Annotated[str, Query(max_length=1000)] = "",
    show: Annotated[str, Query(max_length=1000)] = "",
    find: Annotated[str, Query(max_length=200)] = "",
    against: Annotated[str, Query(max_length=20)] = "",
    start: Annotated[int, Query(alias="from", ge=0)] = 0,
) -> Choice:
    asked = Asked(system=system, slice=slice_name, metric=metric, show=show)
    return Choice(asked=asked, find=find.strip(), against=against, start=start)


ChoiceMade = Annotated[Choice, Depends(_chosen)]


@router.get("/runs/{run_id}/examples")
def examples(
    request: Request,
    run_id: str,
    caller: Annotated[Caller, needs(Role.READ)],
    choice: ChoiceMade,
) -> str:
    """Show a page of the examples of a run."""
    server: Server = request.app.state.server
    manifest = manifest_of(server, caller, run_id)
    title = f"Examples of {manifest.name}"
    index = server.indexer.index(manifest)
    if index is None:
        return framed(
            title,
            element(
                "p",
                "The examples are being put in order; this page looks again by itself.",
                class_="lines",
                role="status",
            ),
            caller=caller,
            head=looks_again(_LOOKS_AGAIN_S),
        )
    found = _found(server, manifest, index, choice)
    records = server.store.examples.records(manifest, found.places)
    item_ids = list(dict.fromkeys(record.item_id for record in records))
    outcomes = server.store.examples.outcomes(run_id, item_ids)
    rows = [
        _row(
            manifest,
            index,
            record,
            outcomes.get(record.key, {}),
            link=f"/runs/{run_id}/examples/{place}{choice.query()}",
        )
        for place, record in zip(found.places, records, strict=True)
    ]
    return framed(
        title,
        element(
            "p",
            element("a", "report", href=f"/v1/runs/{run_id}/report?format=html"),
            f" · run {run_id}",
            class_="facts",
        ),
        _filters(manifest, index, choice),
        element("p", _count(index, choice, found), id="count", role="status"),
        table("Examples", ("item", "system", *map(breakable, index.metrics)), rows, kind="as-it-is")
        if rows
        else Markup(),
        _ways_on(choice, found),
        caller=caller,
        scripts=("examples.js",),
    )


@router.get("/runs/{run_id}/examples/{place}")
def example(
    request: Request,
    run_id: str,
    place: int,
    caller: Annotated[Caller, needs(Role.READ)],
    choice: ChoiceMade,
) -> str:
    """Show one example whole: its texts, what differs between them, and every score with why."""
    server: Server = request.app.state.server
    manifest = manifest_of(server, caller, run_id)
    if not 0 <= place < manifest.n_items * len(manifest.systems):
        raise not_found()
    index = server.indexer.index(manifest)
    (record,) = server.store.examples.records(manifest, [place])
    outcomes = server.store.examples.outcomes(run_id, [record.item_id])
    judged = [measure.metric for measure in manifest.measures if measure.judged]
    switch = [
        words
        if choice.against == against
        else element(
            "a", words, href=f"/runs/{run_id}/examples/{place}{choice.query(against=against)}"
        )
        for against, words in _AGAINST.items()
    ]
    return framed(
        record.item_id,
        element(
            "p",
            marker(_number_of(manifest, record)),
            element("bdi", record.system, class_="value"),
            f" · {manifest.name} · compared with ",
            switch[0],
            " or ",
            switch[1],
            class_="facts",
        ),
        _neighbours(run_id, index, choice, place),
        *example_parts(
            record,
            outcomes.get(record.key, {}),
            manifest=manifest,
            against=choice.against or "reference",
            withheld=index.withheld if index else judged,
            people=index.said_of(place) if index else {},
        ),
        caller=caller,
        scripts=("examples.js",),
    )


def manifest_of(server: Server, caller: Caller, run_id: str) -> RunManifest:
    """Return the manifest of the run of a job of a caller's workspace.

    Raises:
        Problem: there is none.
    """
    if server.store.service.workspace_of(run_id) != caller.workspace:
        raise not_found()
    found = server.store.examples.manifest(run_id)
    if found is None:
        raise not_found()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Examples of one page.

    Attributes:
        total: that are like what is asked for, words left out of account.
        next: where the next page starts; None where there is none.
        searched: of them, where words are looked for.
    """

    places: Sequence[int]
    total: int
    next: int | None
    searched: int = 0


def _found(server: Server, manifest: RunManifest, index: ExampleIndex, choice: Choice) -> _Found:
    places = index.places(choice.asked)
    total = len(places)
    if choice.start and choice.start >= total:
        raise Problem(404, "not_found", "there are not so many examples; leave out 'from'")
    if choice.find:
        return _searched(server, manifest, [int(one) for one in places], choice)
    end = choice.start + PAGE
    page = [int(one) for one in places[choice.start : end]]
    return _Found(places=page, total=total, next=end if end < total else None)


def _searched(
    server: Server, manifest: RunManifest, places: Sequence[int], choice: Choice
) -> _Found:
    """Look for words in the texts until a page is full or the time is up; the page says where."""
    wanted = choice.find.casefold()
    until = monotonic() + _SEARCH_S
    found: list[int] = []
    at = choice.start
    while at < len(places) and len(found) < PAGE and monotonic() < until:
        part = places[at : at + _SEARCHED_AT_ONCE]
        for place, record in zip(part, server.store.examples.records(manifest, part), strict=True):
            at += 1
            if _holds(record, wanted):
                found.append(place)
                if len(found) == PAGE:
                    break
    following = at if at < len(places) else None
    return _Found(places=found, total=len(places), next=following, searched=at)


def _holds(record: Record, wanted: str) -> bool:
    texts = (record.item_id, record.input, record.output or "", *record.references)
    return any(wanted in text.casefold() for text in texts)


def _filters(manifest: RunManifest, index: ExampleIndex, choice: Choice) -> Markup:
    asked = choice.asked
    systems = [system.name for system in manifest.systems]
    shows = {name: _words_of(name) for name in index.shown(asked.metric)}
    search = element(
        "input",
        type="search",
        name="find",
        value=choice.find,
        autocomplete="off",
        spellcheck="false",
        maxlength="200",
    )
    return element(
        "form",
        _select("system", "every system", {name: name for name in systems}, asked.system),
        _select("slice", "every slice", {name: name for name in index.slices}, asked.slice),
        _select("metric", "every metric", {name: name for name in index.metrics}, asked.metric),
        _select("show", "all of them", shows, asked.show),
        element("label", "words in the texts", search),
        element("button", "Show", type="submit", class_="main"),
        *(
            [element("input", type="hidden", name="against", value=choice.against)]
            if choice.against
            else []
        ),
        id="filters",
        method="get",
        role="search",
        aria_label="Which examples",
    )


def _select(name: str, every: str, options: Mapping[str, str], chosen: str) -> Markup:
    listed = [
        element("option", words, value=value, selected=value == chosen)
        for value, words in {"": every, **options}.items()
    ]
    return element("label", name, element("select", *listed, name=name))


def _words_of(show: str) -> str:
    if show.startswith(LABEL):
        return f"scored {show.removeprefix(LABEL)}"
    if show.startswith(FATE):
        return f"no score: {show.removeprefix(FATE).replace('_', ' ')}"
    return _SHOWN.get(show, show)


def _count(index: ExampleIndex, choice: Choice, found: _Found) -> str:
    """Say how many there are, unless that is the very number that is withheld."""
    if index.rests_on_unbelieved_verdicts(choice.asked):
        return (
            "Not counted: the choice rests on verdicts of a judge that is not trusted."
            if found.places or found.next
            else "No example is like that."
        )
    if choice.find:
        if found.next is None:
            return f"{len(found.places)} here; all {found.total:,} were searched."
        return f"{len(found.places)} here; {found.searched:,} of {found.total:,} searched so far."
    if not found.total:
        return "No example is like that."
    first, last = choice.start + 1, choice.start + len(found.places)
    of_all = f" that are like that, of {index.n_records:,}"
    return (
        f"{first:,} to {last:,} of {found.total:,} records"
        f"{of_all if found.total < index.n_records else ''}"
    )


def _ways_on(choice: Choice, found: _Found) -> Markup:
    ways = []
    if choice.start and not choice.find:
        back = max(0, choice.start - PAGE)
        ways.append(
            element(
                "a", "Back", href=choice.query(**{"from": back}) or "?", class_="button", rel="prev"
            )
        )
    if found.next is not None:
        words = "Search on" if choice.find else "Next"
        ways.append(
            element(
                "a", words, href=choice.query(**{"from": found.next}), class_="button", rel="next"
            )
        )
    return element("p", *ways, class_="acts") if ways else Markup()


def _row(
    manifest: RunManifest,
    index: ExampleIndex,
    record: Record,
    outcomes: Mapping[str, Outcome],
    *,
    link: str,
) -> Markup:
    return element(
        "tr",
        element(
            "th",
            element(
                "a",
                element("bdi", one_line(record.item_id, most=60)),
                href=link,
                class_="opener-link",
            ),
            element("span", one_line(record.output or "(no output)", most=110), class_="peek"),
            scope="row",
        ),
        element(
            "td",
            element(
                "span",
                marker(_number_of(manifest, record)),
                element("bdi", record.system),
                class_="one",
            ),
        ),
        *(
            _cell(outcomes.get(metric), withheld=metric in index.withheld)
            for metric in index.metrics
        ),
    )


def _number_of(manifest: RunManifest, record: Record) -> int:
    return [system.name for system in manifest.systems].index(record.system)


def _cell(outcome: Outcome | None, *, withheld: bool) -> Markup:
    if isinstance(outcome, NotApplicable):
        return element("td", element("span", "\N{EN DASH}", class_="quiet"))
    if not isinstance(outcome, Score):
        words = outcome.code.value.replace("_", " ") if isinstance(outcome, Fate) else "not yet"
        return element("td", element("span", words, class_="badge doubt"))
    said = outcome.label or f"{outcome.value:.3f}"
    doubt = (
        [element("span", ", by a judge that is not trusted", class_="unseen")] if withheld else []
    )
    return element(
        "td",
        element("b", said, *doubt),
        class_="score untrusted" if withheld else "score",
    )


def _neighbours(run_id: str, index: ExampleIndex | None, choice: Choice, place: int) -> Markup:
    """Return the ways to the examples before and after, as they were chosen, and to the list."""
    ways = []
    if index is not None:
        places = index.places(choice.asked)
        (at,) = (places == place).nonzero()
        if at.size:
            here = int(at[0])
            for words, there, rel in (("Back", here - 1, "prev"), ("Next", here + 1, "next")):
                if 0 <= there < len(places):
                    path = f"/runs/{run_id}/examples/{places[there]}{choice.query()}"
                    ways.append(element("a", words, href=path, rel=rel, class_="button"))
    ways.append(
        element("a", "All of them", href=f"/runs/{run_id}/examples{choice.query()}", rel="up")
    )
    return element("p", *ways, class_="acts")
