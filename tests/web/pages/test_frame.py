import re

from tests.web.conftest import FILES, Live, config_of


def test_a_hostile_name_stands_in_a_page_as_text(service: Live) -> None:
    client, http = service.client(), service.http()
    config = config_of(None).replace("name: numbers", "name: '<script>alert(1)</script>'")
    job = client.wait(client.submit(config=config, files=FILES).job_id)

    pages = [http.get(path).text for path in ("/", f"/jobs/{job.job_id}")]

    for page in pages:
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_pages_load_nothing_but_what_this_server_has(service: Live) -> None:
    http = service.http()

    page = http.get("/").text

    assert all(one.startswith("/") for one in re.findall(r"<script src=\"([^\"]*)\"", page))
    assert not re.findall(r"<script(?![^>]*src)", page)
    assert http.get("/style.css").headers["content-type"].startswith("text/css")
    for name in re.findall(r"<script src=\"([^\"]*)\"", page):
        assert http.get(name).headers["content-type"].startswith("text/javascript")


def test_every_answer_says_what_a_page_may_load(service: Live) -> None:
    headers = service.http().get("/").headers

    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
