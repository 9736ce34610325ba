"""What may be wrong with what a student learned: suspicions about its quality."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log

from judge.records.production import Produced
from judge.records.record import Role, Target
from judge.reports.correctness import correctness
from judge.reports.groups import OVERALL
from judge.reports.suspicions import MATERIAL, Pattern, Seen, Suspicion, suspicion
from judge.results.run import ADHERENCE
from judge.stats.estimate import Estimate, Undefined
from judge.stats.excess import Excess

_HALF = 0.5
_TEACHER_MISSES = 0.1
_FORMAT_LEARNED = 0.9
_WRONG_BESIDE_TEACHER = 0.1
_FASTER, _CHEAPER = 0.9, 0.95


def quality_suspicions(seen: Seen) -> Iterator[Suspicion]:
    """Yield what is suspected of each student."""
    for student in seen.students:
        yield from _ceiling(seen, student)
        yield from _coverage_gaps(seen, student)
        yield from _leaked(seen, student)
        yield from _valid_but_wrong(seen, student)
        yield from _right_but_invalid(seen, student)
        yield from _overconfident(seen, student)
        yield from _faster_not_cheaper(seen, student)
    yield from _adds_nothing(seen)


def _ceiling(seen: Seen, student: str) -> Iterator[Suspicion]:
    """The teacher misses many, and most of what the student misses the teacher misses too."""
    mine, its = _both(seen, student, seen.system(Role.TEACHER))
    missed_by_teacher = {item: float(its[item] < _HALF) for item in its}
    shared = {item: missed_by_teacher[item] for item in mine if mine[item] < _HALF}
    for name, among in _everywhere(seen):
        yield from suspicion(
            Pattern.TEACHER_IS_CEILING,
            student,
            {
                "share the teacher misses": seen.mean(
                    missed_by_teacher, over=_TEACHER_MISSES, among=among
                ),
                "share of the student's misses that the teacher misses too": seen.mean(
                    shared, over=_HALF, among=among
                ),
            },
            slice_name=name,
            examples=(item for item in shared if shared[item] and among(item)),
            metric=_metric(seen),
        )


def _coverage_gaps(seen: Seen, student: str) -> Iterator[Suspicion]:
    """On one slice the student loses more to the teacher than it does elsewhere."""
    mine, its = _both(seen, student, seen.system(Role.TEACHER))
    lost = {item: its[item] - mine[item] for item in mine}
    for name, inside in seen.slices():
        yield from suspicion(
            Pattern.COVERAGE_GAP,
            student,
            {
                "lost to the teacher here": seen.mean(lost, over=MATERIAL, among=inside),
                "lost here less lost elsewhere": seen.contrast(lost, inside, over=MATERIAL),
            },
            slice_name=name,
            examples=(item for item in lost if inside(item) and lost[item] >= _HALF),
            metric=_metric(seen),
        )


def _leaked(seen: Seen, student: str) -> Iterator[Suspicion]:
    """On items that stand in training data the student gains on the teacher."""
    mine, its = _both(seen, student, seen.system(Role.TEACHER))
    won = {item: mine[item] - its[item] for item in mine} or seen.values(seen.quality, student)
    yield from suspicion(
        Pattern.LEAKED_ITEMS,
        student,
        {
            "won on leaked items less won on others": seen.contrast(
                won, seen.leaked.__contains__, over=MATERIAL
            )
        },
        slice_name="leaked items",
        examples=sorted((item for item in won if item in seen.leaked), key=lambda i: -won[i]),
        metric=_metric(seen),
    )


def _valid_but_wrong(seen: Seen, student: str) -> Iterator[Suspicion]:
    """The format was learned, what stands in it was not."""
    mine, its = _both(seen, student, seen.system(Role.TEACHER))
    valid = seen.values(seen.measure(ADHERENCE, Target.SCHEMA), student)
    fits = {item for item in valid if valid[item] >= _HALF}
    lost = {item: its[item] - mine[item] for item in mine if item in fits}
    yield from suspicion(
        Pattern.VALID_BUT_WRONG,
        student,
        {
            "share of valid outputs": seen.mean(valid, over=_FORMAT_LEARNED),
            "lost to the teacher where valid": seen.mean(lost, over=_WRONG_BESIDE_TEACHER),
        },
        examples=(item for item in lost if lost[item] >= _HALF),
        metric=_metric(seen),
    )


def _right_but_invalid(seen: Seen, student: str) -> Iterator[Suspicion]:
    """What is right stands in a form that nobody can read, more often than the teacher's."""
    right = seen.values(seen.quality, student)
    form = seen.measure(ADHERENCE, Target.SCHEMA)
    valid, taught = seen.values(form, student), seen.values(form, seen.system(Role.TEACHER))
    broken = {
        item: taught[item] - valid[item]
        for item in right
        if right[item] >= _HALF and item in valid and item in taught
    }
    yield from suspicion(
        Pattern.RIGHT_BUT_INVALID,
        student,
        {"valid from the teacher, not from the student": seen.mean(broken, over=MATERIAL)},
        examples=(item for item in broken if broken[item] > 0),
        metric=_metric(seen),
    )


def _overconfident(seen: Seen, student: str) -> Iterator[Suspicion]:
    """The student is surer than it is right."""
    known = correctness(seen.admitted, student)
    sure = _said(seen, student, lambda one: one.confidence)
    if isinstance(known, Undefined) or not sure:
        return
    over = {item: sure[item] - known.right[item] for item in sure if item in known.right}
    for name, among in _everywhere(seen):
        if known.why_not_on(name):
            continue
        yield from suspicion(
            Pattern.OVERCONFIDENT,
            student,
            {"confidence less share right": seen.mean(over, over=MATERIAL, among=among)},
            slice_name=name,
            examples=sorted((item for item in over if among(item)), key=lambda i: -over[i]),
            metric=known.metric,
        )


def _faster_not_cheaper(seen: Seen, student: str) -> Iterator[Suspicion]:
    """Answers come sooner than the teacher's and cost as much."""
    teacher = seen.system(Role.TEACHER)
    parts = {}
    quantities: Sequence[tuple[Callable[[Produced], float | None], str, int, float]] = (
        (
            lambda one: one.latency_ms,
            "log of the teacher's latency over the student's",
            -1,
            -log(_FASTER),
        ),
        (lambda one: one.cost, "log of the student's cost over the teacher's", 1, log(_CHEAPER)),
    )
    for quantity, name, sign, bound in quantities:
        own, its = _said(seen, student, quantity), _said(seen, teacher, quantity)
        ratios = {
            item: sign * log(own[item] / its[item])
            for item in own
            if own[item] > 0 and its.get(item, 0.0) > 0
        }
        parts[name] = seen.mean(ratios, over=bound)
    yield from suspicion(Pattern.FASTER_NOT_CHEAPER, student, parts, examples=())


def _adds_nothing(seen: Seen) -> Iterator[Suspicion]:
    """The distilled student is not so much better than the fine-tuned one that it matters."""
    student = seen.system(Role.DISTILLED)
    mine, its = _both(seen, student, seen.system(Role.SFT))
    lost = {item: its[item] - mine[item] for item in mine}
    found = seen.mean(lost, over=-MATERIAL)
    yield from suspicion(
        Pattern.DISTILLATION_ADDS_NOTHING,
        student,
        {"distilled less fine-tuned": _turned(found)},
        examples=(item for item in lost if lost[item] >= _HALF),
        metric=_metric(seen),
    )


def _turned(found: Excess | Undefined) -> Excess | Undefined:
    """Return a difference the other way round; what was tested stays tested."""
    if isinstance(found, Undefined):
        return found
    was = found.estimate
    turned = Estimate(
        value=-was.value,
        low=-was.high,
        high=-was.low,
        level=was.level,
        n=was.n,
        n_clusters=was.n_clusters,
        method=was.method,
    )
    return Excess(estimate=turned, p_value=found.p_value)


def _both(seen: Seen, first: str, second: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return the quality of two systems on the items that both have a value of."""
    mine, its = seen.values(seen.quality, first), seen.values(seen.quality, second)
    shared = [item for item in mine if item in its]
    return {item: mine[item] for item in shared}, {item: its[item] for item in shared}


def _said(
    seen: Seen, system: str, quantity: Callable[[Produced], float | None]
) -> Mapping[str, float]:
    """Return what files say of the outputs of a system, by item; what is not said is absent."""
    outputs = seen.produced.get(system, {})
    found = {item: quantity(outputs[item]) for item in seen.items if item in outputs}
    return {item: value for item, value in found.items() if value is not None}


def _everywhere(seen: Seen) -> list[tuple[str, Callable[[str], bool]]]:
    return [(OVERALL, lambda _: True), *seen.slices()]


def _metric(seen: Seen) -> str:
    return seen.quality.measure.metric if seen.quality else ""
