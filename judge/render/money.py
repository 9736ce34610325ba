"""Sums of money as people read them."""

from judge.stats.money import Money


def money(found: Money) -> str:
    """Return a sum: ``$1.20``, ``at least $1.20; 14 calls of unknown cost``, ``unknown``."""
    if not found.unknown:
        return dollars(found.dollars)
    calls = "1 call" if found.unknown == 1 else f"{found.unknown:,} calls"
    if not found.known:
        return f"unknown ({calls})"
    return f"at least {dollars(found.dollars)}; {calls} of unknown cost"


def dollars(amount: float) -> str:
    """Return an amount in cents, or with two digits where it is less than ten of them."""
    if amount == 0 or amount >= 0.1:  # noqa: PLR2004 - ten cents
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.0001 else "less than $0.0001"  # noqa: PLR2004
