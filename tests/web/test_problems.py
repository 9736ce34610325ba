from tests.web.conftest import Live


def test_every_refusal_has_one_shape(service: Live) -> None:
    http = service.http()

    for answer in (
        http.get("/nothing"),
        http.get("/v1/jobs/none"),
        http.patch("/v1/jobs"),
        http.post("/v1/jobs", json={}),
        http.get("/v1/jobs?limit=0"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert set(found) == {"type", "title", "status", "code", "detail"}
        assert found["status"] == answer.status_code
