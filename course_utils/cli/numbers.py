"""Numbers as arguments; argparse turns an error into its one line."""

import argparse

LONGEST = 15  # digits: more mean nothing here, and Python refuses thousands of them


def whole(text: str, least: int = 0, most: int = 2**32 - 1) -> int:
    """Return the whole number that a text is, by default a seed; an argparse error otherwise."""
    plain = text.isascii() and text.isdecimal() and len(text) <= LONGEST
    if not plain or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from {least} to {most}, got {text[:60]!r}"
        )
    return int(text)


def positive(text: str) -> int:
    """Return a whole number from 1."""
    return whole(text, least=1)


def some(text: str) -> int:
    """Return a whole number from 1 to 1000."""
    return whole(text, least=1, most=1000)


def real(text: str) -> float:
    """Return the number that a text is, in ASCII and without underscores."""
    try:
        return float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text[:60]!r}") from None
