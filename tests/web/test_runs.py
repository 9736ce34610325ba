import json

from tests.web.conftest import FILES, Live, config_of


def test_a_report_comes_in_each_form(service: Live) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    found = {
        form: client.report(job.run_id, form=form).decode()
        for form in ("json", "html", "md", "csv", "jsonl")
    }

    assert json.loads(found["json"])["run"]["run_id"] == job.run_id
    assert found["md"].startswith("# numbers")
    assert len(found["jsonl"].splitlines()) == 24
    assert found["html"].startswith("<!doctype html>")
    assert "exact_match" in found["csv"]


def test_a_report_that_is_shown_is_of_no_origin(service: Live) -> None:
    client, http = service.client(), service.http()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    policy = http.get(f"/v1/runs/{job.run_id}/report?format=html").headers

    assert policy["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")


def test_a_form_nobody_knows_is_refused(service: Live) -> None:
    answer = service.http().get("/v1/runs/x/report?format=exe")

    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
