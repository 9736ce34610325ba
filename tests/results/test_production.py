import pytest

from judge.errors import StoreError
from judge.records.production import Conditions, Produced, Production
from judge.results.production import decode_production, encode_production, production_kind


def test_what_outputs_took_is_the_same_after_it_was_kept() -> None:
    production = Production(
        system="s",
        conditions=Conditions(hardware="1 x H100", memory_gib=3.5),
        outputs={"1": Produced(latency_ms=1.5, cost=0.0), "2": Produced(error="refused")},
    )

    assert decode_production(encode_production(production)) == production


def test_something_else_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        decode_production(b"[]")


def test_each_run_keeps_its_own() -> None:
    assert production_kind("a") != production_kind("b")
