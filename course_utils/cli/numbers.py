"""Whole numbers as arguments; argparse turns an error into its one line."""

import argparse


def whole(text: str, least: int = 0, most: int = 2**32 - 1) -> int:
    """Return the whole number that a text is, by default a seed; an argparse error otherwise."""
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from {least} to {most}, got {text!r}"
        )
    return int(text)


def positive(text: str) -> int:
    """Return a whole number from 1."""
    return whole(text, least=1)


def some(text: str) -> int:
    """Return a whole number from 1 to 1000."""
    return whole(text, least=1, most=1000)
