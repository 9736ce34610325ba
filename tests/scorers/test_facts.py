import pytest

from judge.scorers.facts import FactKind, facts


def _keys(text: str, kind: FactKind) -> list[str]:
    return [fact.key for fact in facts(text) if fact.kind is kind and fact.key in fact.says]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("due on 2021-05-03.", "date 2021-05-03"),
        ("due on 3 May 2021", "date 2021-05-03"),
        ("due on May 3rd, 2021", "date 2021-05-03"),
        ("the 3rd of May 2021", "date 2021-05-03"),
        ("in Sept. 1901", "date 1901-09"),
        ("every 4th of July", "date -07-04"),
    ],
)
def test_a_date_is_the_same_in_every_notation(text: str, key: str) -> None:
    assert _keys(text, FactKind.DATE) == [key]


def test_a_date_says_its_year_and_an_ambiguous_one_both_days_it_may_be() -> None:
    (dated,) = facts("10 December 1901")
    (either,) = facts("03/05/2021")

    assert dated.says >= {"date 1901-12-10", "date 1901-12", "date -12-10", "number 1901"}
    assert either.says >= {"date 2021-03-05", "date 2021-05-03"}


@pytest.mark.parametrize("text", ["99/99/2021", "2021-13-03", "3 Mayflower", "40 May"])
def test_what_is_no_date_is_not_taken_for_one(text: str) -> None:
    assert not _keys(text, FactKind.DATE)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("5 km away", "quantity 5000 m"),
        ("5,000 metres", "quantity 5000 m"),
        ("five kilometres", "quantity 5000 m"),
        ("$1.5 million", "quantity 1500000 usd"),
        ("1,500,000 dollars", "quantity 1500000 usd"),
        ("-3.5%", "quantity -3.5 percent"),
        ("\u22123.50 percent", "quantity -3.5 percent"),
        ("2 weeks", "quantity 1209600 s"),
        ("two years", "quantity 24 month"),
        ("20 °C", "quantity 20 celsius"),
    ],
)
def test_a_quantity_is_the_same_in_every_unit_of_its_kind(text: str, key: str) -> None:
    assert _keys(text, FactKind.QUANTITY) == [key]
    assert any(said.startswith("number ") for fact in facts(text) for said in fact.says)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("1,240.00 cases", ["number 1240"]),
        ("twenty-one people", ["number 21"]),
        ("two hundred", ["number 200"]),
        ("pages 3-5", ["number 3", "number 5"]),
        ("the 3rd time", ["number 3"]),
        ("zero", ["number 0"]),
        ("one of them came first", []),
        ("9" * 50, ["number " + "9" * 50]),
        ("no number", []),
    ],
)
def test_numbers_are_found_in_digits_and_in_words(text: str, keys: list[str]) -> None:
    assert _keys(text, FactKind.NUMBER) == keys


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Wilhelm Röntgen", ["wilhelm rontgen"]),
        ("It went to Wilhelm Conrad Röntgen's wife.", ["wilhelm conrad rontgen"]),
        ("The United States of America. However, nothing.", ["united states america"]),
        ("According to Wikipedia, J. K. Rowling did.", ["wikipedia", "j k rowling"]),
        ("Rowling wrote it, as Rowling said.", ["rowling"]),
        ("Rich people read. Books are cheap.", []),
        ("NATO met. The UN did not.", ["nato", "un"]),
        ("AM", ["am"]),
        ("It ended.\n- Peace came.\n- Then War.", ["war"]),
        ("I think I'm right.", []),
        ("日本語の名前", []),
    ],
)
def test_names_are_found_by_their_capitals_but_not_at_the_mere_start_of_a_sentence(
    text: str, names: list[str]
) -> None:
    assert _keys(text, FactKind.NAME) == names


def test_a_fact_that_stands_twice_is_found_once() -> None:
    assert len(facts("In Paris, 5 km from Paris, 5000 m")) == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "1 " * 20_000,
        "May " * 20_000,
        "A b " * 20_000,
        "9" * 200_000,
        "A." * 20_000,
        " " * 200_000,
        "1" + " " * 100_000 + "M",
        "- 1,000," * 10_000,
        "Twenty-" * 10_000,
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    facts(text)  # with a quadratic rule it would take minutes, and the test its time limit
