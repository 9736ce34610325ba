"""From a config to what its systems' outputs took, and on what they ran."""

from collections.abc import Iterable

from judge.config import Config
from judge.records.output_file import read_made
from judge.records.production import Conditions, Production, read_production
from judge.records.reading import OutputSource


def read_productions(config: Config, sources: Iterable[OutputSource]) -> tuple[Production, ...]:
    """Return what is said of each system, by its file of outputs and by the config.

    Raises:
        DataError: it cannot be so; the message names file and row.
    """
    found = (
        read_production(source, _conditions(config, source))
        for source in sources
        if source.given is None
    )
    return tuple(one for one in found if one.is_known)


def _conditions(config: Config, source: OutputSource) -> Conditions:
    section = config.systems[source.system.name]
    made = read_made(source.path)
    return Conditions(
        hardware=section.hardware,
        batch=section.batch or (made.batch if made else ""),
        memory_gib=section.memory_gib,
        outputs_per_s=made.outputs / made.seconds if made and made.seconds else None,
    )
