"""Results of a study, kept as one JSON file: what lessons load where a computation takes longer
than a lesson may.

`studies/` holds the scripts, `data/studies/` what they found. A checksum of the contents stands in
the file, so that a number changed by hand or half a download is noticed. Lesson 05 reads one.
"""

import hashlib
import json
import math
from pathlib import Path

from course_utils.files.atomic import writing


def checksum(contents: dict) -> str:
    """SHA-256 of contents that JSON can hold, whatever the order of the keys."""
    text = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def without_infinities(report: dict) -> dict:
    """A report with None in place of infinite numbers (distances from an empty set): JSON has no
    word for them.
    """
    return {key: None if value in (math.inf, -math.inf) else value for key, value in report.items()}


def save_results(file: str | Path, contents: dict, command: str) -> None:
    """Write contents, their checksum and the command that makes them; a reader finds the old file
    or the new one.

    ValueError for what JSON has no word for, such as NaN: put None there.
    """
    try:
        whole = {"command": command, "sha256": checksum(contents), "contents": contents}
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"contents cannot be written as JSON ({error}); use numbers, texts, lists and None"
        ) from error
    with writing(file) as temporary:
        temporary.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load_results(file: str | Path) -> tuple[dict, str]:
    """(contents, command) of a file written by `save_results`. ValueError if it is missing, damaged
    or changed.
    """
    remedy = "get the repository's data/ again, or run the study's script to make it anew"
    try:
        whole = json.loads(Path(file).read_text(encoding="utf-8"))
        contents, command, wanted = whole["contents"], whole["command"], whole["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} holds no readable results ({error}); {remedy}") from error
    if checksum(contents) != wanted:
        raise ValueError(
            f"{file} was changed or damaged: its checksum does not fit its contents; {remedy}"
        )
    return contents, command
