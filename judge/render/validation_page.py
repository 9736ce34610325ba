"""What a validation found, as a page."""

from collections.abc import Mapping, Sequence

from judge.render.page import Curve, Intervals, Page, Section, Table
from judge.render.text import NO_NUMBER, figure, interval, listed, one_line, share
from judge.stats.alternative import AlternativeAnnotatorTest
from judge.stats.calibration import Calibration
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue
from judge.trust.agreement import Agreement, Figure
from judge.trust.certificate import PartStanding, Standing
from judge.trust.confidence import ConfidenceFindings
from judge.trust.spread import Spread
from judge.trust.validation import Disagreement, Validation

_MOST_DISAGREEMENTS = 10
_SHOWN_OF_A_PART = ("percent", "kappa", "kappa_quadratic", "informedness")


def validation_page(validation: Validation) -> Page:
    """Return what a validation found."""
    measure, certificate = validation.measure, validation.certificate
    sections = [
        Section(
            title="Standing",
            lines=[
                f"{certificate.standing.value}: {'; '.join(certificate.reasons)}",
                *certificate.notes,
                (
                    f"certificate {certificate.certificate_id}, "
                    f"valid until {certificate.valid_until:%Y-%m-%d}; controls: "
                    f"{certificate.controls}"
                ),
                *_provenance_lines(validation),
            ],
        ),
        Section(title="Agreement with people", tables=[_agreement_table(validation)]),
        Section(
            title="Confusion (rows: people, columns: judge)",
            tables=[_confusion_table(validation.overall, measure.categories)],
        ),
        Section(
            title="Per system and slice",
            lines=_differential_lines(validation),
            tables=[_parts_table(validation)],
        ),
        *_raters_sections(validation),
        *_probes_sections(validation),
        *_spread_sections(validation.spread),
        *_confidence_sections(validation.confidence),
        _disagreement_section(validation.disagreements),
    ]
    return Page(title=f"Judge of {measure.metric} against people", sections=sections)


def _provenance_lines(validation: Validation) -> list[str]:
    found = validation.provenance
    sources = ", ".join(sorted(source.value for source in found.sources))
    lines = [
        f"{validation.overall.n_labels} labels ({sources}) on {validation.overall.n_items} items"
    ]
    if validation.overall.fates:
        lines.append(f"labelled but not judged: {listed(validation.overall.fates)}")
    if found.set_aside:
        lines.append(f"ratings set aside: {listed(found.set_aside)}")
    return lines


def _agreement_table(validation: Validation) -> Table:
    overall, baseline = _told_apart(validation.overall.figures), validation.baseline
    if baseline is None:
        rows = [[name, figure(found)] for name, found in overall.items()]
        return Table(
            columns=["figure", "this judge"],
            rows=rows,
            intervals=Intervals(
                series=["this judge"], rows=[[_drawn(found)] for found in overall.values()]
            ),
        )
    beside = [(name, found, baseline.figures[name]) for name, found in overall.items()]
    return Table(
        columns=["figure", "this judge", "baseline judge"],
        rows=[[name, figure(one), figure(other)] for name, one, other in beside],
        intervals=Intervals(
            series=["this judge", "baseline judge"],
            rows=[[_drawn(one), _drawn(other)] for _, one, other in beside],
        ),
    )


def _drawn(found: Figure) -> Estimate | None:
    return found if isinstance(found, Estimate) else None


def _confusion_table(found: Agreement, categories: Sequence[str]) -> Table:
    return Table(
        columns=["", *categories],
        rows=[
            [category, *(str(count) for count in row)]
            for category, row in zip(categories, found.confusion, strict=True)
        ],
        counts=True,
    )


def _told_apart(figures: Mapping[str, Figure]) -> Mapping[str, Figure]:
    """Leave out what says the same: of two classes every weighting of kappa is one number."""
    if "informedness" not in figures:
        return figures
    return {name: found for name, found in figures.items() if not name.startswith("kappa_")}


def _differential_lines(validation: Validation) -> list[str]:
    found = validation.differential
    lines = []
    if isinstance(found, PValue):
        lines.append(f"the same error rates on all systems: p = {found.value:.2g} ({found.method})")
    for one in validation.correlations:
        skipped = f"; left out: {listed(one.skipped)}" if one.skipped else ""
        lines.append(f"{one.statistic}, {one.at}: {figure(one.estimate)}{skipped}")
    return lines


def _parts_table(validation: Validation) -> Table:
    parts = {**validation.systems, **validation.slices}
    certificate = validation.certificate
    standings = {part.name: part for part in (*certificate.systems, *certificate.slices)}
    known = _told_apart(validation.overall.figures)
    keys = [key for key in _SHOWN_OF_A_PART if key in known]
    return Table(
        columns=["part", "labels", *keys, "standing"],
        rows=[
            [
                name,
                str(part.n_labels),
                *(_short(part.figures[key]) for key in keys),
                _standing(standings[name]),
            ]
            for name, part in parts.items()
        ],
    )


def _standing(part: PartStanding) -> str:
    if part.standing is Standing.INSUFFICIENT:
        return "pooled evidence only"
    return part.standing.value


def _raters_sections(validation: Validation) -> list[Section]:
    found = validation.raters
    if found is None:
        return []
    ceiling = found.ceiling
    lines = [
        f"{len(found.raters)} raters, {found.n_shared} records with two or more of their labels",
        f"people with each other: Gwet's AC {figure(found.ac)}, alpha {figure(found.alpha)}",
        *_alternative_lines(found.alternative),
    ]
    if ceiling.tied:
        lines.append(f"{ceiling.tied} labels had no target: the other raters were tied")
    rows = [["all", figure(ceiling.human), figure(ceiling.judge), figure(ceiling.delta)]]
    rows += [
        [
            found.raters[row.rater],
            figure(row.human),
            figure(row.judge),
            figure(row.delta),
        ]
        for row in ceiling.raters
    ]
    table = Table(
        columns=[f"{ceiling.score} with the others", "the person", "the judge", "judge - person"],
        rows=rows,
    )
    return [Section(title="Human ceiling", lines=lines, tables=[table])]


def _alternative_lines(found: AlternativeAnnotatorTest | Undefined) -> list[str]:
    if isinstance(found, Undefined):
        return [f"alternative annotator test: undefined: {found.reason}"]
    verdict = "may stand in for a rater" if found.passes else "may not stand in for a rater"
    return [
        (
            f"alternative annotator test: the judge {verdict} (wins against {share(found.omega)} "
            f"of the raters at epsilon {found.epsilon:g}; advantage {share(found.rho)})"
        )
    ]


def _probes_sections(validation: Validation) -> list[Section]:
    found = validation.probes
    lines = [f"judge less human for an output twice as long: {figure(found.length)}"]
    if found.repeat is not None:
        lines.append(f"same verdict when asked again: {figure(found.repeat)}")
    if found.family is not None:
        names = ", ".join(found.family.related)
        lines.append(f"judge less human on {names}, less elsewhere: {figure(found.family.excess)}")
    if found.order is not None:
        same = figure(found.order.same_winner)
        lines += [
            f"same winner in both orders, {found.order.n_pairs} pairs: {same}",
            f"prefers what stands first: {figure(found.order.first_slot)}",
            *(
                f"right in order {order}: {figure(one)}"
                for order, one in found.order.accuracy.items()
            ),
        ]
    return [Section(title="Probes", lines=lines)]


def _spread_sections(found: Spread | None) -> list[Section]:
    if found is None:
        return []
    parts = found.components
    rows = [
        [name, figure(part.variance), figure(part.share)]
        for name, part in (
            ("items", parts.items),
            ("outputs of an item", parts.outputs),
            ("verdicts on an output", parts.verdicts),
        )
    ]
    table = Table(columns=["where the spread comes from", "variance", "share"], rows=rows)
    lines = [f"the next call is best spent on more {found.best}"] if found.best else []
    return [Section(title="Spread of the verdicts", lines=lines, tables=[table])]


def _confidence_sections(found: ConfidenceFindings | None) -> list[Section]:
    if found is None:
        return []
    rows = [["as it is", *_calibration_cells(found.figures)]]
    rows += [
        [method, one.reason, NO_NUMBER, NO_NUMBER]
        if isinstance(one, Undefined)
        else [f"after {method}", *_calibration_cells(one.after)]
        for method, one in found.recalibrated.items()
    ]
    table = Table(
        columns=["probabilities", "Brier score", "log loss", "calibration error"], rows=rows
    )
    lines = [
        f"{found.n_verdicts} verdicts with a probability; put right by fits to other items",
        "a calibration error is seen too large, the more so the fewer the items",
    ]
    said = [
        (one.mean_probability, one.observed)
        for one in found.figures.curve
        if isinstance(one.observed, Estimate)
    ]
    curve = Curve(across="probability the judge gave", upwards="share people gave", points=said)
    curves = [curve] if said else []
    return [Section(title="Calibration", lines=lines, tables=[table], curves=curves)]


def _calibration_cells(found: Calibration) -> list[str]:
    brier, error = found.brier, found.error
    return [
        figure(brier if isinstance(brier, Undefined) else brier.score),
        figure(found.log_loss),
        figure(error if isinstance(error, Undefined) else error.error),
    ]


def _short(found: Figure) -> str:
    return interval(found) if isinstance(found, Estimate) else "undefined"


def _disagreement_section(disagreements: Sequence[Disagreement]) -> Section:
    shown = disagreements[:_MOST_DISAGREEMENTS]
    lines = [
        f"{one.key.item_id} of {one.key.system}: people {one.human}, judge {one.judge} - "
        f"{one_line(one.rationale)}"
        for one in shown
    ]
    if len(disagreements) > len(shown):
        lines.append(f"... {len(disagreements) - len(shown)} more; all of them with -o x.json")
    return Section(title=f"Disagreements ({len(disagreements)})", lines=lines or ["none"])
