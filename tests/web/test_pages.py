from tests.web.conftest import FILES, Live, config_of


def test_an_empty_service_says_what_to_do_next(service: Live) -> None:
    page = service.http().get("/").text

    assert "judge submit" in page
    assert "judge demo" in page


def test_the_one_time_link_opens_the_pages_once(service: Live) -> None:
    http = service.http(anonymous=True)
    link = f"/enter/{service.server.links.new_link()}"

    entered = http.get(link)
    shown = http.get("/", headers={"Cookie": entered.headers["set-cookie"].partition(";")[0]})

    assert entered.status_code == 303
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert "SameSite=strict" in entered.headers["set-cookie"]
    assert shown.status_code == 200
    http.cookies.clear()
    assert http.get(link).status_code == 401


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

    assert "http://" not in page.replace("http://127.0.0.1:8000", "")
    assert http.get("/style.css").headers["content-type"].startswith("text/css")
    assert http.get("/jobs.js").headers["content-type"].startswith("text/javascript")
