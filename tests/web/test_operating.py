from tests.web.conftest import FILES, Live, config_of


def test_anybody_may_ask_whether_it_is_alive_and_ready(service: Live) -> None:
    http = service.http(anonymous=True)

    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}


def test_a_service_whose_jobs_have_ended_is_not_ready(service: Live) -> None:
    service.server.dispatcher.close()

    answer = service.http(anonymous=True).get("/readyz")

    assert answer.status_code == 503


def test_what_is_counted_holds_no_text_no_id_and_no_key(service: Live) -> None:
    client, http = service.client(), service.http()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    http.get(f"/v1/jobs/{job.job_id}")

    text = http.get("/metrics").text

    assert 'judge_jobs{state="finished"} 1.0' in text
    assert 'route="/v1/jobs/{job_id}"' in text
    assert 'judge_outcomes_total{outcome="score"} 48.0' in text
    assert "judge_queue_oldest_seconds 0.0" in text
    assert "judge_cost_dollars_total 0.0" in text
    assert job.job_id not in text
    assert "What is" not in text
