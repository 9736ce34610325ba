import json

from tests.web.conftest import FILES, Live, config_of


def test_a_report_comes_in_each_form(service: Live) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    found = {
        form: client.report(job.run_id, form=form).decode() for form in ("json", "md", "jsonl")
    }

    assert json.loads(found["json"])["run"]["run_id"] == job.run_id
    assert found["md"].startswith("# numbers")
    assert len(found["jsonl"].splitlines()) == 24


def test_a_form_nobody_knows_is_refused(service: Live) -> None:
    answer = service.http().get("/v1/runs/x/report?format=exe")

    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
