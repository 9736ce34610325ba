import socket
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.web.server import bound_socket, check_bind, service_folder


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_server_of_this_machine_alone_needs_no_key(host: str) -> None:
    check_bind(host, n_keys=0, behind_proxy=False)


@pytest.mark.parametrize(
    ("n_keys", "behind_proxy", "said"), [(1, False, "unencrypted"), (0, True, "no key")]
)
def test_a_server_that_others_reach_needs_a_proxy_and_a_key(
    *,
    n_keys: int,
    behind_proxy: bool,
    said: str,
) -> None:
    with pytest.raises(ConfigError, match=said):
        check_bind("0.0.0.0", n_keys=n_keys, behind_proxy=behind_proxy)  # noqa: S104 - refused


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.listen()

        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be listened on"):
            bound_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    ("store", "folder"),
    [("a/b/judge.sqlite", "a/b/service"), ("postgresql://u@h/db", ".judge/service")],
)
def test_what_is_submitted_lies_beside_the_store_or_here_where_that_is_far(
    store: str, folder: str
) -> None:
    assert service_folder(store) == Path(folder)
