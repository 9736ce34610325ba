"""From a config to what `judge monitor` holds against each other."""

from pathlib import Path

from judge.api.monitoring import Monitored
from judge.config import MonitorSection, SimilaritySection, read_config
from judge.errors import ConfigError, DataError, did_you_mean
from judge.records.dataset import Dataset
from judge.records.reading import ItemSource, read_samples
from judge.reports.monitors import Rules
from judge.wiring.embedders import Embedders
from judge.wiring.endpoint import CallLimits
from judge.wiring.project import open_project
from judge.wiring.sources import item_source


def open_monitored(path: Path, *, calls: CallLimits | None = None) -> Monitored:
    """Read a config, its evaluation set and its samples, and check all of it.

    Raises:
        InputError: something cannot be used; the message says what, where, and what to do.
    """
    config, _ = read_config(path)
    section = config.monitor
    if section is None:
        raise ConfigError(
            f"{path.name} has no 'monitor:'; add it with 'outputs:', a file of samples from "
            "production, and 'system:', whose they are"
        )
    project = open_project(path, calls=calls)
    samples = _samples(section, item_source(config, path.parent), project.dataset, path.parent)
    embedding = Embedders(path.parent, vectors=calls.vectors if calls else None).of(
        config.scorers.similarity or SimilaritySection()
    )
    return Monitored(
        project=project,
        samples=samples,
        system=section.system,
        embed=embedding.shared.embed,
        window=section.window,
        rules=Rules(
            false_alarms=section.alarm,
            tolerated=section.tolerated,
            max_shift=section.max_shift,
            sentinel_disagreement=config.trust.sentinel_disagreement,
        ),
    )


def _samples(section: MonitorSection, items: ItemSource, frozen: Dataset, folder: Path) -> Dataset:
    known = {system.name: system for system in frozen.systems}
    if section.system not in known:
        raise ConfigError(
            f"monitor.system: there is no system {section.system!r}"
            f"{did_you_mean(section.system, known)}; there are: {', '.join(known)}"
        )
    source = ItemSource(
        path=folder / section.outputs,
        fields={**items.fields, **section.fields},
        alternatives=items.alternatives,
        cluster=items.cluster,
        slices=tuple(frozen.slice_values) if items.slices is None else items.slices,
        schema=items.schema,
    )
    samples = read_samples(source, known[section.system], teacher=frozen.teacher)
    schemas = {item.schema for item in frozen.items}
    for item in samples.items:
        if item.schema not in schemas:
            raise DataError(
                f"{section.outputs}: the sample {item.item_id!r} has a schema that no item of the "
                "evaluation set has: its format cannot be compared"
            )
    return samples
