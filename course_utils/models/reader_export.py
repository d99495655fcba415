"""The shipped reader for programs without Python: its tables as JSON, its numbers in one file.

`export_reader(out)` writes reader.json and reader.bin. The site's page reads sentences with them
(`docs/web/live/reader.js`), by the rules of `reading`: what Python knows of words, families and
materials is written here, never twice by hand.
"""

import gzip
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.datasets import word_vectors as vectors_
from course_utils.datasets.captions import colours, everyday, lexicon, speech, typed
from course_utils.datasets.shapes.families import FAMILIES
from course_utils.datasets.shapes.materials import MATERIALS
from course_utils.files.atomic import checked_folder, writing_folder
from course_utils.models import reading
from course_utils.places import WORDS

TABLES, NUMBERS = "reader.json", "reader.bin"
CONSTANTS = {  # by their names in Python; a leading underscore is left out
    typed: ("_NUMBERS", "_SHORT", "_ROWS", "MANY"),
    lexicon: (
        *("_ARTICLES", "_PASSING", "_ONE", "_ASKING", "DENIALS", "DENYING", "FARTHEST"),
        "MENTIONS",
    ),
    everyday: ("GLUE", "CHATTER", "APPROXIMATE", "LOOKS", "THINGS_FIRST"),
    colours: (
        *("STUFFS", "GENERIC", "DARK_WOODS", "LIGHT_WOODS", "SHADES", "COLOUR_NOUNS", "LINKS"),
        *("JOINED", "NEGATIONS", "COPULAS", "HUES", "_STUFF", "MATERIAL_WORDS", "SLOT_WORDS"),
        *("ANY_PART", "MADE_OF"),
    ),
    speech: ("IMPLIED",),
    reading: (
        *("LONGEST_TEXT", "MOVED", "SURE", "SURER", "SURE_OF_FACTS", "DOUBTFUL", "WORDED"),
        *("DENIED", "CONTESTED", "NAMED_FIRST"),
    ),
    vectors_: ("UNIT", "LONGEST_WORD"),
}


def export_reader(out: str | Path) -> dict:
    """Write the shipped reader, completely or not at all; return what reader.json says.

    Args:
        out: The folder to write; what else lies there stays.

    Raises:
        ValueError: The reader or its vectors are missing or damaged.
    """
    checked_folder(out, (TABLES, NUMBERS))
    about, numbers = _exported()
    with writing_folder(out, (TABLES, NUMBERS)) as target:
        (target / NUMBERS).write_bytes(numbers)
        text = json.dumps(about, ensure_ascii=False, separators=(",", ":"))
        (target / TABLES).write_text(text + "\n", encoding="utf-8")
    return about


def reader_exported(out: str | Path) -> bool:
    """Return whether the folder `out` holds a whole export of the shipped reader."""
    try:
        known = json.loads((Path(out) / TABLES).read_text(encoding="utf-8"))
        found = hashlib.sha256((Path(out) / NUMBERS).read_bytes()).hexdigest()
    except (OSError, ValueError):  # missing or damaged
        return False
    return known == _exported()[0] and known["sha256"] == found


@cache
def _exported() -> tuple[dict, bytes]:
    """What reader.json says, and the bytes of reader.bin."""
    reader = reading.shipped_reader()
    arrays = _arrays(reader)
    numbers = gzip.compress(b"".join(array.tobytes() for array in arrays.values()), mtime=0)
    layers = reader.network.layers
    about = tables_of(reader) | {
        "network": {
            "width": reader.network.inlet.in_channels,
            "hidden": reader.network.inlet.out_channels,
            "outputs": reader.network.outlet.out_features,
            "dilations": [layer.dilation[0] for layer in layers],
        },
        "arrays": [
            {"name": name, "kind": array.dtype.name, "count": array.size}
            for name, array in arrays.items()
        ],
        "bytes": len(numbers),
        "sha256": hashlib.sha256(numbers).hexdigest(),
    }
    return about, numbers


def _arrays(reader: "reading.TextReader") -> dict[str, np.ndarray]:
    """The stored vectors, and the network's weights in half precision, as in its checkpoint."""
    with np.load(WORDS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in ("pieces", "vectors", "steps")}
    weights = reader.network.state_dict().items()
    return arrays | {name: weight.numpy().astype(np.float16) for name, weight in weights}


def tables_of(reader: "reading.TextReader") -> dict:
    """Return what a reader knows besides its numbers, as JSON has it."""
    constants = {
        name.lstrip("_"): getattr(module, name)
        for module, names in CONSTANTS.items()
        for name in names
    }
    return _plain(
        constants
        | {
            "families": reader.families,
            "facts": reader.facts,
            "known": reader.spelling.known,
            "names": {family: reading.names_of(family) for family in reader.families},
            "phrases": {
                family: [phrase for rows in lexicon.index_of(family).values() for phrase in rows]
                for family in reader.families
            },
            "absences": {family: lexicon.absences_of(family) for family in reader.families},
            "counted": {family: _counted(family) for family in reader.families},
            "opposites": {family: [*pairs.items()] for family, pairs in reader.opposites.items()},
            "outside": lexicon.outside_things(),
            "slots": {family: FAMILIES[family].SLOTS for family in reader.families},
            "palettes": {family: FAMILIES[family].MATERIALS for family in reader.families},
            "materials": {name: look[1:] for name, look in MATERIALS.items()},
        }
    )


def _counted(family: str) -> dict[str, list[str]]:
    """The things of a family that are counted, each with the digits that a phrase knows."""
    things = speech.counted_things(family).items()
    return {thing: sorted(speech.DIGITS[number] for number in numbers) for thing, numbers in things}


def _plain(value: Any) -> Any:
    """A value as JSON has it: sets in alphabetical order, tuples as lists."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    value = sorted(value) if isinstance(value, frozenset) else value
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
