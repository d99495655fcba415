"""The door for JSON files: results of studies, and the configs of trainings and checkpoints.

What Python makes of JSON can be a hundred times as large as the text, so the text is limited, and
so is its depth, because whatever walks through it later may do so in recursion.
"""

import json
from pathlib import Path
from typing import Any

from course_utils.files.door import file_size

MAX_JSON_BYTES = 4 * 2**20  # of results
MAX_CONFIG_BYTES = 2**18  # every entry of a config is looked at one by one
MAX_DEPTH = 64


def read_json(path: str | Path, most: int = MAX_JSON_BYTES) -> Any:
    """Return what a JSON file holds.

    Args:
        path: The file.
        most: Its largest size in bytes.

    Raises:
        ValueError: There is none, or it is too large or too deep, or an object has a key twice.
    """
    file_size(path, most)
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None
    _check_depth(whole)
    return whole


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        seen = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {double[:80]!r} appears twice")
    return entries


def _check_depth(whole: Any) -> None:
    level = [whole]
    for _ in range(MAX_DEPTH):
        level = [one for one in level if isinstance(one, dict | list) and one]
        if not level:
            return
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
