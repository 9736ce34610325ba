"""From a config to the terms on which something is decided."""

from collections.abc import Mapping
from pathlib import Path

from judge.config import Config, line_in, parse_config, place_in, read_config
from judge.errors import ConfigError, did_you_mean
from judge.gates.rule import Ask, Rule
from judge.records.dataset import Dataset
from judge.reports.groups import OVERALL
from judge.results.run import RunManifest
from judge.results.terms import DecisionTerms

_MOST_NAMED = 20


def decision_terms(config: Config, *, text: str, path: str) -> DecisionTerms:
    """Return what decides whether a student may ship, as declared in a config.

    Args:
        config: the config.
        text: it was read from, for the line.
        path: of its file; empty where there is none.
    """
    section = config.decision
    if section is None:
        return DecisionTerms(unscored=config.missing.unscored)
    return DecisionTerms(
        metric=section.metric,
        margin=section.margin,
        critical=section.critical,
        unscored=config.missing.unscored,
        place=place_in(text, ["decision"], name=path or "the config"),
    )


def gate_rules(manifest: RunManifest) -> tuple[Rule, ...]:
    """Return the rules of the gate with which a run began."""
    return rules_in(manifest.config, path=manifest.config_path)


def gate_rules_in(path: Path) -> tuple[Rule, ...]:
    """Return the rules of the gate in a config file.

    Raises:
        ConfigError: it cannot be read.
    """
    _, text = read_config(path)
    return rules_in(text, path=str(path))


def rules_in(text: str, *, path: str) -> tuple[Rule, ...]:
    """Return the rules of the gate in the text of a config.

    Args:
        text: the YAML.
        path: of its file; empty where there is none.
    """
    name = path or "the config"
    return tuple(
        Rule(
            metric=section.metric or _in_words(section.metrics),
            system=section.system,
            ask=Ask(ask),
            bound=bound,
            together=section.metrics,
            of=section.of,
            slices=tuple(dict.fromkeys(section.slices)),
            place=place_in(text, ["gate", number], name=name),
            line=line_in(text, ["gate", number], name=name),
        )
        for number, section in enumerate(parse_config(text, name=name).gate)
        for ask, bound in section.asked.items()
    )


def _in_words(least: Mapping[str, float]) -> str:
    return " and ".join(f"{metric} >= {bound:g}" for metric, bound in least.items())


def check_declared(terms: DecisionTerms, dataset: Dataset, *, config: str, path: str) -> None:
    """Check that the slices a config decides on are slices of the set.

    Raises:
        ConfigError: one is not.
    """
    for name in terms.critical:
        _check_slice(name, dataset, place=f"{terms.place}.critical")
    for rule in rules_in(config, path=path):
        for name in rule.slices:
            if name != OVERALL:
                _check_slice(name, dataset, place=rule.place)


def _check_slice(name: str, dataset: Dataset, *, place: str) -> None:
    values = dataset.slice_values
    known = [f"{dimension}={value}" for dimension in values for value in values[dimension]]
    if name not in known:
        raise ConfigError(
            f"{place}: {name!r} is no slice of the set{did_you_mean(name, known)}; "
            f"its slices are: {', '.join(known[:_MOST_NAMED]) or 'none'}"
        )
