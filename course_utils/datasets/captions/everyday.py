"""What people call the families, their parts, attributes and materials: `everyday.txt`, beside.

A section named after a family has the form of `phrases.PHRASES` and comes beside it: a phrase that
begins with "=" is a noun and may imply attributes (a glider has no engines), one that ends with "~"
an adjective, all others are details. `[parts of FAMILY]` has the words for each slot, `[materials]`
other words for the names of `shapes.materials`. Of `[words]`, "outside" are things that no family
is, "fillers" what people say around what they ask for, "glue" words that ask for nothing;
"approximate" are words that mean more than is made (a cat becomes an animal, and is named as what
cannot be made), "looks" words that do so where a phrase means the same without them (a big handle),
and "things first" those that are colours only beside what they colour. A phrase that the captions
have means here what its line here says: nobody who types "bookcase" asks for books.

The reader of `models.reading` is trained on texts made of these (`speech`). A family may be absent:
then its captions' phrases and the names of its slots are all that it is called.
"""

from course_utils.places import EVERYDAY_WORDS, REMEDY

Sections = dict[str, dict[str, str]]


def sections_of(text: str) -> Sections:
    """Return the sections of a text of the form of `everyday.txt`: {section: {key: phrases}}."""
    sections: Sections = {}
    for line in text.splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, phrases = line.partition(":")
            section[key] = phrases.strip()
    return sections


def _shipped() -> Sections:
    try:
        return sections_of(EVERYDAY_WORDS.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, UnboundLocalError) as error:
        raise ValueError(f"{EVERYDAY_WORDS} cannot be read ({error}); {REMEDY}") from error


SECTIONS = _shipped()
SYNONYMS = {name: tuple(words.split()) for name, words in SECTIONS["materials"].items()}
OUTSIDE = tuple(SECTIONS["words"]["outside"].split("; "))
FILLERS = tuple(SECTIONS["words"]["fillers"].split("; "))
APPROXIMATE = frozenset(SECTIONS["words"]["approximate"].split())
LOOKS = frozenset(SECTIONS["words"]["looks"].split())
GLUE = frozenset(SECTIONS["words"]["glue"].split())
THINGS_FIRST = frozenset(SECTIONS["words"]["things first"].split())
CHATTER = frozenset(word for filler in FILLERS for word in filler.split())


def everyday(family: str) -> dict[str, str]:
    """Return what people say of a family, in the form of its `PHRASES`."""
    return SECTIONS.get(family, {})


def parts_of(family: str, slots: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the words for each of a family's slots, their own names first.

    Args:
        family: One of `CLASSES`.
        slots: Its `SLOTS`.
    """
    known = SECTIONS.get(f"parts of {family}", {})
    return {slot: tuple(dict.fromkeys((slot, *known.get(slot, "").split()))) for slot in slots}
