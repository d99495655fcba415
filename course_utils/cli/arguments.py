"""What arguments may say, and the parser that refuses others in one line; benchmarks use it too."""

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_utils.networks.words import visible

LONGEST = 15  # digits: more mean nothing here, and Python refuses thousands of them


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one clear line and exit code 2.

    `course.py` has one of its own: it stands alone, as it runs before anything is installed.
    """

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {visible(message)} (see {self.prog} --help)\n")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Turn a ValueError into the parser's line and exit code."""
        try:
            yield
        except ValueError as error:
            self.exit(2, f"{self.prog}: {visible(str(error))}\n")


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
    """Return the finite number that a text is, in ASCII and without underscores."""
    try:
        number = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"expected a number, got {text[:60]!r}")
    return number


def seconds(text: str) -> float:
    """Return a time in seconds, more than 0 and at most a year."""
    if not 0 < (time := real(text)) <= 366 * 24 * 3600:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0, got {text[:60]!r}")
    return time


def path(text: str) -> Path:
    """Return the path that a text is; an empty one, of an unset variable, is none."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected the name of a file or folder, got {text!r}")
    return Path(text)


def pair(text: str) -> tuple[str, str]:
    """Return the two names in a text such as "seat=red"."""
    name, sign, value = (part.strip() for part in text.partition("="))
    if not (name and sign and value):
        raise argparse.ArgumentTypeError(f"expected PART=NAME, such as seat=red, got {text[:60]!r}")
    return name, value
