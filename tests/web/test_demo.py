from judge.web.access import Caller, Role
from judge.web.demo import submit_demo
from tests.web.conftest import Live

CALLER = Caller(key_id="k", workspace="default", roles=frozenset({Role.ADMIN}))


def test_the_example_is_submitted_once_however_often_it_is_asked_for(service: Live) -> None:
    jobs = {submit_demo(service.server, CALLER).job_id for _ in range(3)}

    assert len(jobs) == 1
    assert [one.what for one in service.server.store.service.audit(workspace="default")] == [
        "job.submit"
    ]
