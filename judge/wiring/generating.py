"""From a config to the systems that are asked for their outputs."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from judge.api.generating import (
    INPUT,
    Asked,
    Asking,
    call_about,
    check_inputs,
    generate,
    output_file,
)
from judge.api.project import RunContext
from judge.config import AskedSection, Config, GenerateSection, JudgeSection, read_config
from judge.errors import ConfigError, did_you_mean
from judge.models.chat import ChatModel, Completion, ReplyFormat
from judge.models.dry import DryRun
from judge.models.forecast import CostForecast
from judge.records.dataset import Dataset
from judge.records.output_file import OutputFile
from judge.records.reading import read_dataset
from judge.records.record import Item
from judge.results.generated import Generated
from judge.results.store import MemoryStore
from judge.runs.executor import Stop
from judge.wiring.endpoint import CallLimits, Endpoints, sampling_of
from judge.wiring.sources import id_field, item_source

_FILES = (".md", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Systems to be asked, and about what."""

    name: str
    items: Sequence[Item]
    asking: Asking
    asked: tuple[tuple[Asked, JudgeSection], ...]
    streamed: bool


def open_generation(
    path: Path, *, only: Collection[str] = (), limit: int | None = None
) -> Generation:
    """Read a config and its items, and check all of it before anything is spent.

    Args:
        path: the config file.
        only: systems to ask; none for all that can be.
        limit: at most so many items.

    Raises:
        InputError: something cannot be used; the message says what, where, and what to do.
    """
    config, _ = read_config(path)
    if config.dataset.items is None:
        raise ConfigError(f"{path.name}: dataset.items: outputs are made of items, not of pairs")
    items = _items(config, path.parent, limit=limit)
    check_inputs(items)
    section = config.generate
    asking = Asking(
        system=_text(section.system, path.parent),
        prompt=_text(section.prompt, path.parent),
        strip_thinking=section.strip_thinking,
    )
    if INPUT not in asking.prompt:
        raise ConfigError(
            f"{path.name}: generate.prompt: holds no {INPUT}; put it where the item's input goes"
        )
    return Generation(
        name=config.name,
        items=items,
        asking=asking,
        asked=tuple(_asked(config, path, only=only)),
        streamed=section.stream,
    )


async def generate_all(
    generation: Generation,
    calls: CallLimits,
    *,
    stop: Stop,
    watcher: Callable[[str], None],
) -> list[Generated]:
    """Ask one system after the other, so that none waits for another's answers.

    Raises:
        ConfigError: a file holds outputs that were made otherwise; nothing was spent.
    """
    found = []
    async with AsyncExitStack() as exits:
        with ExitStack() as opened:
            files = _entered(generation, calls, opened, exits)
            spent = sum(file.spent for file in files)
            context = RunContext(log=MemoryStore().attempts("", replay=False), spent=spent)
            endpoints = Endpoints(context, calls, exits, streamed=generation.streamed)
            for (asked, section), file in zip(generation.asked, files, strict=True):
                found.append(
                    await generate(
                        generation.items,
                        asked,
                        generation.asking,
                        _model(endpoints, section),
                        file,
                        connections=calls.connections,
                        stop=stop,
                        watcher=watcher,
                    )
                )
    return found


async def forecast_all(generation: Generation, calls: CallLimits) -> dict[str, CostForecast]:
    """Return by system what asking would need; nothing is sent or written."""
    dry = DryRun(at=datetime.now(UTC))
    context = RunContext(log=MemoryStore().attempts("", replay=False), dry=dry)
    async with AsyncExitStack() as exits:
        endpoints = Endpoints(context, calls, exits)
        for asked, section in generation.asked:
            model = _model(endpoints, section)
            for item in generation.items:
                await model.complete(call_about(item, asked, generation.asking))
    return dry.forecasts


def _entered(
    generation: Generation, calls: CallLimits, opened: ExitStack, exits: AsyncExitStack
) -> list[OutputFile]:
    """Check every file before the first is written to."""
    context = RunContext(log=MemoryStore().attempts("", replay=False))
    endpoints = Endpoints(context, replace(calls, max_cost=None), exits)
    files = [
        output_file(asked, generation.asking, _model(endpoints, section))
        for asked, section in generation.asked
    ]
    return [opened.enter_context(file) for file in files]


def _items(config: Config, folder: Path, *, limit: int | None) -> Sequence[Item]:
    found: Dataset = read_dataset(item_source(config, folder), ())
    return found.selected(limit=limit).items if limit else found.items


def _asked(
    config: Config, path: Path, *, only: Collection[str]
) -> Sequence[tuple[Asked, JudgeSection]]:
    sections = {name: part.generate for name, part in config.systems.items()}
    for name in only:
        if name not in sections:
            raise ConfigError(f"--only {name}: no such system{did_you_mean(name, sections)}")
        if sections[name] is None:
            raise ConfigError(
                f"{path.name}: systems.{name}: has no 'generate:'; say there which model to ask"
            )
    found = []
    for name, section in sections.items():
        if section is None or (only and name not in only):
            continue
        endpoint = _endpoint(section, config.generate)
        part = config.systems[name]
        asked = Asked(
            system=name,
            path=path.parent / part.outputs,
            fields={**id_field(config.dataset.fields), **part.fields},
            sampling=replace(sampling_of(endpoint), alternatives=config.generate.logprobs),
        )
        found.append((asked, endpoint))
    if not found:
        raise ConfigError(
            f"{path.name}: no system has a 'generate:'; say in one which model to ask, for example "
            "generate: {model: small, base_url: http://127.0.0.1:8000/v1}"
        )
    return found


def _endpoint(section: AskedSection, shared: GenerateSection) -> JudgeSection:
    temperature = {} if section.effort else {"temperature": shared.temperature}
    return JudgeSection.model_validate(
        {
            **section.model_dump(),
            **temperature,
            "response_format": ReplyFormat.TEXT,
            "max_tokens": shared.max_tokens,
            "seed": shared.seed,
        }
    )


def _model(endpoints: Endpoints, section: JudgeSection) -> ChatModel:
    return endpoints.model(section, worth_keeping=_never, reader=None)


def _never(completion: Completion) -> bool:
    del completion
    return False


def _text(said: str, folder: Path) -> str:
    if "\n" in said or not said.endswith(_FILES):
        return said
    try:
        return (folder / said).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"generate: {folder / said} cannot be read: {error}") from error
