"""From a config to a judge whose wording can be tried."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from judge.api.project import Project, RunContext
from judge.api.tuning import Tunable
from judge.config import Config, JudgedSection, JudgeSection, rated_section, read_config
from judge.errors import ConfigError, ScoringError
from judge.judges.rewording import read_rules
from judge.models.chat import ChatModel, Completion
from judge.wiring.endpoint import CallLimits, Endpoints, sampling_of
from judge.wiring.judging import prompt_file
from judge.wiring.project import open_project


def open_tunable(path: Path, *, calls: CallLimits | None = None) -> Tunable:
    """Read a config whose judge is one prompt behind an endpoint.

    Raises:
        InputError: as `open_project`, or the judge that people rated is not of that kind.
    """
    config, _ = read_config(path)
    name, section = rated_section(config)
    judge = section.judge
    if not isinstance(judge, JudgeSection):
        raise ConfigError(
            f"{path.name}: tuning needs a judge that is one prompt behind an endpoint, and not a "
            "panel, recorded verdicts or the baseline"
        )

    def with_prompt(prompt: Path) -> Project:
        return open_project(
            path, calls=calls, changed=lambda config: _with_prompt(config, name, prompt)
        )

    @asynccontextmanager
    async def proposing(context: RunContext) -> AsyncIterator[ChatModel]:
        async with AsyncExitStack() as exits:
            endpoints = Endpoints(context, calls or CallLimits(), exits)
            await endpoints.probe([judge])
            yield endpoints.model(judge, worth_keeping=_is_proposal, reader="rules")

    return Tunable(
        project=open_project(path, calls=calls),
        prompt=prompt_file(judge.prompt, path.parent).read_text(encoding="utf-8"),
        with_prompt=with_prompt,
        proposing=proposing,
        sampling=sampling_of(judge),
    )


def _is_proposal(completion: Completion) -> bool:
    try:
        read_rules(completion)
    except ScoringError:
        return False
    return True


def _with_prompt(config: Config, name: str, prompt: Path) -> Config:
    scorers = config.scorers

    def changed(section: JudgedSection) -> JudgedSection:
        if not isinstance(section.judge, JudgeSection):
            return section
        judge = section.judge.model_copy(update={"prompt": str(prompt.absolute())})
        return section.model_copy(update={"judge": judge})

    if scorers.equivalence is not None and name not in scorers.judged:
        update: dict[str, object] = {"equivalence": changed(scorers.equivalence)}
    else:
        update = {"judged": {**scorers.judged, name: changed(scorers.judged[name])}}
    return config.model_copy(update={"scorers": scorers.model_copy(update=update)})
