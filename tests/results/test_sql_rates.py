from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sql

from judge.errors import StoreError
from judge.results.sql import SqlStore
from judge.results.sql_rates import SqlRates


def test_many_who_reserve_at_once_get_parts_that_follow_each_other(postgres: str) -> None:
    with SqlStore(postgres) as one, SqlStore(postgres) as other:
        stores = [one, other]

        def reserve(n: int) -> float:
            return stores[n % 2].rates.reserve("r", 600.0, 60.0)  # each takes ten minutes

        with ThreadPoolExecutor(8) as threads:
            starts = sorted(threads.map(reserve, range(20)))
        elsewhere = one.rates.reserve("another", 1.0, 60.0)

    assert starts[0] == elsewhere == 0.0
    assert [round(start / 600) for start in starts] == list(range(20))


def test_a_database_that_is_gone_is_an_error_of_the_store(postgres: str) -> None:
    gone = sql.make_url(postgres).set(drivername="postgresql+psycopg", database="no_such_database")
    rates = SqlRates(sql.create_engine(gone))

    with pytest.raises(StoreError, match="out of reach"):
        rates.reserve("r", 1.0, 60.0)
