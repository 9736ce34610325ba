"""The example that ships with this package, submitted as a job."""

import json
from dataclasses import replace

from judge.results.job import Job
from judge.results.sql_service import new_job_id
from judge.results.store import timestamp
from judge.shipped import shipped
from judge.web.access import Caller
from judge.web.server import Server

_CONFIG = "human_labels/demo/judge.yaml"


def submit_demo(server: Server, caller: Caller) -> Job:
    """Submit the shipped example; return its job, the earlier one where there is one.

    Its files lie where this package does, which a config from outside may not name.
    """
    now = timestamp()
    submitted = Job(
        job_id=new_job_id(),
        workspace=caller.workspace,
        name="",
        config_path=str(shipped(_CONFIG)),
        options=json.dumps({}),
        submitted=now,
        changed=now,
        fingerprint=_CONFIG,
        idempotency_key=_CONFIG,
    )
    project = server.opener(submitted, None)
    kept = server.store.service.submit(
        replace(submitted, name=project.name), most=server.limits.jobs
    )
    if kept.job_id == submitted.job_id:
        server.store.service.note(
            who=caller.key_id,
            workspace=caller.workspace,
            what="job.submit",
            about=kept.job_id,
            details={"name": kept.name},
        )
        server.dispatcher.poke()
    return kept
