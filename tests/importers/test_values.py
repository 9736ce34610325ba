from judge.importers.values import list_of, object_of, objects_of, text_of


def test_what_is_of_another_kind_is_empty() -> None:
    assert (object_of({"a": 1}), object_of([1])) == ({"a": 1}, {})
    assert (list_of([1]), list_of("x")) == ([1], [])
    assert (objects_of([{"a": 1}, 2, None]), objects_of(None)) == ([{"a": 1}], [])
    assert (text_of("x"), text_of(3)) == ("x", "")
