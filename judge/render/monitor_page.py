"""What production samples say, as a page."""

from collections.abc import Iterator

from judge.render.page import Intervals, Page, Section, Table
from judge.render.text import NO_NUMBER, interval, listed, number, share
from judge.reports.monitors import Direction, MonitorReport, Reading
from judge.stats.estimate import Estimate


def monitor_page(found: MonitorReport) -> Page:
    """Return what the looks up to now say."""
    looks = len(found.stream.looks)
    return Page(
        title=f"{found.name}: {found.system} in production, {looks} looks, "
        f"{found.stream.n_samples} samples",
        sections=[
            Section(title="Alarms", lines=list(_alarms(found))),
            Section(title="Watched", lines=list(_unwatched(found)), tables=_table(found)),
            Section(title="The judge", lines=list(_judge(found))),
            Section(title="Inputs", lines=list(_inputs(found))),
            Section(title="Next", lines=list(_next(found))),
        ],
    )


def _alarms(found: MonitorReport) -> Iterator[str]:
    if not found.complete:
        yield f"{found.n_new} new samples have no outcome yet: no look was taken"
    elif not found.n_new:
        yield "no new sample since the last look"
    for one in found.stream.alarms:
        yield f"look {one.look}: {one.words}"
    if not found.stream.alarms:
        yield "none"
    yield (
        f"chance of any false alarm, over the whole stream and all that is watched: "
        f"at most {share(found.rules.false_alarms)}"
    )


def _unwatched(found: MonitorReport) -> Iterator[str]:
    for metric, why in found.unwatched.items():
        yield f"{metric} is not watched: {why}"
    if found.rules.tolerated:
        yield f"a fall of {number(found.rules.tolerated)} is tolerated"
    if found.stream.looks and (missing := found.stream.looks[-1].missing):
        yield f"samples of the last look without a value: {listed(missing)}"


def _table(found: MonitorReport) -> list[Table]:
    if not found.readings:
        return []
    return [
        Table(
            columns=[
                "metric, slice",
                "frozen set",
                "samples",
                "mean, at all looks",
                "difference, at all looks",
                "evidence",
                "alarm",
            ],
            rows=[_row(one) for one in found.readings],
            intervals=Intervals(
                series=["difference"],
                rows=[[one.difference] for one in found.readings],
                marks=[0.0],
            ),
        )
    ]


def _row(one: Reading) -> list[str]:
    way = " (longer)" if one.direction is Direction.RISE else ""
    return [
        f"{one.metric}{way}  {one.slice}",
        f"{number(one.frozen)} of {one.n_frozen}",
        str(one.mean.n if one.mean else 0),
        _cell(one.mean),
        _cell(one.difference),
        share(min(1.0, one.evidence)),
        "alarm" if one.alarm else NO_NUMBER,
    ]


def _cell(found: Estimate | None) -> str:
    return NO_NUMBER if found is None else interval(found)


def _judge(found: MonitorReport) -> Iterator[str]:
    looks = found.stream.looks
    if looks:
        for one in looks[-1].sentinels:
            yield (
                f"{one.metric}: {one.n - one.differ} of {one.n} certified verdicts came out the "
                "same when asked for again"
            )
        for metric, why in looks[-1].held.items():
            yield f"{metric}: the samples of the last look are not used: {why}"
    if not looks or not (looks[-1].sentinels or looks[-1].held):
        yield "no certified verdict was asked for again"


def _inputs(found: MonitorReport) -> Iterator[str]:
    tested = [look.inputs for look in found.stream.looks if look.inputs is not None]
    if not tested:
        yield "not tested yet: it takes 50 samples with inputs"
        return
    newest = tested[-1]
    if newest.shift is None:
        yield f"cannot be told: {newest.reason}"
    else:
        yield (
            f"{newest.n_samples} samples are told from the frozen set by "
            f"{interval(newest.shift)}, 0.5 at most; {found.rules.max_shift:g} is allowed"
        )


def _next(found: MonitorReport) -> Iterator[str]:
    if not found.complete:
        yield "type it again to go on; answers that were paid for are used again"
    if found.stream.alarms:
        yield "look at the samples, repair, then begin anew: judge monitor CONFIG --begin-anew"
    elif found.complete:
        yield "add samples to the file and type it again"
