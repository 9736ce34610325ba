"""The system under test: here a pattern, with you a model."""

import json
import re

_ORDER = re.compile(r"send (?P<quantity>\w+) (?P<item>\w+ \w+?)s? to (?P<city>\w+)")


def extract(text: str) -> str:
    """Return an order as JSON."""
    found = _ORDER.search(text)
    if found is None:
        raise ValueError(f"no order: {text!r}")
    quantity = found["quantity"]
    return json.dumps(
        {
            "item": found["item"],
            "quantity": int(quantity) if quantity.isdigit() else 0,  # it does not know words
            "city": found["city"],
        }
    )
