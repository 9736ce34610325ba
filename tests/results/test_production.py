import pytest

from judge.errors import StoreError
from judge.records.production import Conditions, Produced, Production
from judge.results.production import (
    decode_production,
    encode_production,
    production_kind,
    with_confidences,
)


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


def test_what_was_kept_before_confidences_is_still_read() -> None:
    body = b'{"system":"s","conditions":{},"outputs":{"1":{"latency_ms":1.5,"error":""}}}'

    assert decode_production(body).outputs == {"1": Produced(latency_ms=1.5)}


def test_confidences_that_were_kept_apart_stand_with_the_rest_of_their_run() -> None:
    known = Production(system="s", conditions=Conditions(), outputs={"1": Produced(latency_ms=1.5)})
    apart = (
        b'{"run_id":"r","records":[{"item_id":"1","system":"s","confidence":0.5,"latency_ms":null},'
        b'{"item_id":"1","system":"t","confidence":0.25}]}'
    )

    found = with_confidences([known], [apart, apart.replace(b'"r"', b'"q"')], "r")

    assert [one.system for one in found] == ["s", "t"]
    assert found[0].outputs == {"1": Produced(latency_ms=1.5, declared_confidence=0.5)}
    assert found[1].outputs == {"1": Produced(declared_confidence=0.25)}
    assert with_confidences([known], [apart], "other") == (known,)
    with pytest.raises(StoreError, match="confidences"):
        with_confidences([known], [b"7"], "r")
