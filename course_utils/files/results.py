"""Results of a study in one JSON file, for lessons to load where a computation takes too long.

`studies/` holds the scripts and `data/studies/` what they found. The file holds a checksum of its
contents, which reveals numbers changed by hand and incomplete downloads. Lesson 05 reads one.
"""

import hashlib
import json
import math
from pathlib import Path

from course_utils.files.atomic import writing
from course_utils.files.json_door import read_json
from course_utils.files.states import differences
from course_utils.places import REMEDY


def checksum(contents: dict) -> str:
    """Return the SHA-256 of contents that JSON can hold; the order of keys does not matter."""
    text = json.dumps(contents, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def without_infinities(report: dict) -> dict:
    """Return a report with None for infinite numbers (distances from an empty set).

    JSON cannot hold infinite numbers.
    """
    return {key: None if value in (math.inf, -math.inf) else value for key, value in report.items()}


def save_results(file: str | Path, contents: dict, command: str) -> None:
    """Write results, atomically.

    Args:
        file: File to write.
        contents: What was found.
        command: Shell command that makes the file again.

    Raises:
        ValueError: The contents hold something that JSON cannot, such as NaN: put None there.
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
    """Return (contents, command) of a file that `save_results` wrote.

    ValueError if it is missing, damaged or changed.
    """
    remedy = f"{REMEDY}, or run the study's script to make it anew"
    try:
        whole = read_json(file)
        contents, command, wanted = whole["contents"], whole["command"], whole["sha256"]
        found = checksum(contents)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} holds no readable results ({error}); {remedy}") from error
    if found != wanted:
        raise ValueError(
            f"{file} was changed or damaged: its checksum does not fit its contents; {remedy}"
        )
    return contents, command


def resumed_results(file: str | Path, fixed: dict, found: dict) -> dict:
    """Return the contents of a study to go on with: those of its file, or new ones.

    Args:
        file: File of `save_results`; it need not be there.
        fixed: The study's constants, which all its results share; they are part of the contents.
        found: What a new study has found: nothing, in the right places.

    Raises:
        ValueError: The file is damaged, or was begun with other constants.
    """
    fixed = json.loads(json.dumps(fixed))
    if not Path(file).exists():
        return fixed | found
    contents = load_results(file)[0]
    known = {key: value for key, value in fixed.items() if key in contents}
    changed = differences({key: contents[key] for key in known}, known)
    if changed:
        raise ValueError(
            f"{file} was begun with other settings ({changed}); go back to them to continue, or"
            " move it away to begin anew"
        )
    return contents | fixed
