import json

import pytest

from judge.client import ServiceError
from judge.web.access import Role
from tests.web.conftest import Live, rated_config, rating, submitted


def test_ratings_are_kept_and_can_be_read(service: Live) -> None:
    client = service.client()
    job_id = submitted(client).job_id

    kept = client.rate(job_id, [rating("i0"), rating("i1", label="different", comment="no")])

    assert (kept.new, kept.repeated, kept.replaced) == (2, 0, 0)
    found = list(client.ratings(job_id))
    assert [(one["id"], one["label"]) for one in found] == [
        ("i0", "equivalent"),
        ("i1", "different"),
    ]
    assert found[1]["comment"] == "no"


def test_a_rating_that_is_sent_twice_counts_once(service: Live) -> None:
    client = service.client()
    job_id = submitted(client).job_id
    sent = [rating("i0"), rating("i1"), rating("i0")]

    first, second = client.rate(job_id, sent), client.rate(job_id, sent)

    assert (first.new, first.repeated) == (2, 1)
    assert (second.new, second.repeated) == (0, 3)
    assert len(list(client.ratings(job_id))) == 2


def test_a_rater_takes_a_word_back_only_on_purpose(service: Live) -> None:
    client = service.client()
    job_id = submitted(client).job_id
    client.rate(job_id, [rating("i0")])
    other = [rating("i1"), rating("i0", label="different")]

    with pytest.raises(ServiceError, match="ratings line 2: ann said 'equivalent'") as caught:
        client.rate(job_id, other)
    before = list(client.ratings(job_id))
    kept = client.rate(job_id, other, replace=True)

    assert (caught.value.status, caught.value.code) == (409, "rating_conflict")
    assert [one["id"] for one in before] == ["i0"]  # nothing of what was refused
    assert (kept.new, kept.replaced) == (2, 1)
    assert {one["id"]: one["label"] for one in client.ratings(job_id)} == {
        "i0": "different",
        "i1": "equivalent",
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"label": "great"}, "ratings line 2: the label 'great' is not on the scale"),
        ({"label": True}, "ratings line 2: the label true is not on the scale"),
        ({"id": "i999"}, "ratings line 2: a rating for the unknown item 'i999'"),
        ({"system": "studnet"}, "ratings line 2: there is no system 'studnet' in the job"),
        ({"output_hash": "0" * 64}, "ratings line 2: the rated text is not the output"),
        ({"target": "teacher"}, "against the target teacher"),
        ({"criterion": "style"}, "on the criterion style"),
    ],
)
def test_a_rating_that_cannot_be_used_is_refused_with_its_row_and_none_is_kept(
    service: Live, wrong: dict[str, object], said: str
) -> None:
    client = service.client()
    job_id = submitted(client, rated_config(ratings=True), ratings="").job_id

    with pytest.raises(ServiceError) as caught:
        client.rate(job_id, [rating("i1"), {**rating("i2"), **wrong}])

    assert (caught.value.status, caught.value.code) == (422, "data_invalid")
    assert said in str(caught.value)
    assert list(client.ratings(job_id)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "model"},
        {"inclusion_probability": 0},
        {"inclusion_probability": 1.5},
        {"label": 1.5},
        {"label": None},
        {"rater": ""},
        {"verdict": "x"},
        {"output_hash": "x"},
    ],
)
def test_a_row_of_the_wrong_shape_is_refused_with_its_place(
    service: Live, wrong: dict[str, object]
) -> None:
    http = service.http()
    job_id = submitted(service.client()).job_id

    body = {"job_id": job_id, "ratings": [rating("i1"), {**rating("i2"), **wrong}]}
    answer = http.post("/v1/ratings", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert "ratings.1." in answer.json()["detail"]


def test_who_may_label_sends_ratings_and_reads_none_of_others(service: Live) -> None:
    job_id = submitted(service.client()).job_id
    rater, reader = service.client(Role.LABEL), service.client(Role.READ)

    rater.rate(job_id, [rating("i0")])

    for refused in (
        lambda: list(rater.ratings(job_id)),
        lambda: reader.rate(job_id, [rating("i0")]),
        lambda: service.client(workspace="theirs").rate(job_id, [rating("i0")]),
        lambda: list(service.client(workspace="theirs").ratings(job_id)),
    ):
        with pytest.raises(ServiceError) as caught:
            refused()
        assert caught.value.status in {403, 404}


def test_who_sent_ratings_is_written_down_without_what_they_say(service: Live) -> None:
    client = service.client()
    job_id = submitted(client).job_id
    client.rate(job_id, [rating("i0", comment="a secret")])

    entry = service.http(Role.ADMIN).get("/v1/audit").json()[0]

    assert (entry["what"], entry["about"]) == ("ratings.keep", job_id)
    assert entry["details"] == {"new": 1, "repeated": 0, "replaced": 0}
    assert "secret" not in json.dumps(entry)
