"""What people call materials and the parts that are made of them, and which part a colour is of.

The words stand in `everyday`; `STUFFS` are the names that a broad word allows ("wooden").
`materials_in` reads the materials off the words of a text: a colour belongs to the part that it
stands beside, or else to the whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_utils.datasets.captions.everyday import CHATTER, SYNONYMS, THINGS_FIRST, parts_of
from course_utils.datasets.captions.typed import BREAK, Word
from course_utils.datasets.shapes.families import FAMILIES
from course_utils.datasets.shapes.materials import MATERIALS, METALLIC, TIMBERS

# Broad words, and what they allow; the first that a slot is ever made of is taken.
STUFFS = {
    "wooden": TIMBERS, "wood": TIMBERS, "timber": TIMBERS, "plank": TIMBERS, "planks": TIMBERS,
    "log": TIMBERS, "logs": TIMBERS, "hardwood": TIMBERS,
}  # fmt: skip
GENERIC = frozenset([*STUFFS, "glass", "metal", "metallic", "clear", "transparent"])
_MADE_OF = (
    "wooden wood log plank stone brick concrete marble iron tin steel metal glass wicker bamboo"
)
MADE_OF = frozenset(_MADE_OF.split())  # what a noun may say too: a log cabin, but not a stone pine
DARK_WOODS, LIGHT_WOODS = ("walnut", "ebony"), ("birch", "pine")
_SHADES = (
    "dark light pale bright deep neon matte matt dusty hot pastel glossy shiny vivid dull brushed"
    " polished rich warm"
)
_COLOUR_NOUNS = "color colored painted paint finish shade tone tones oxide"
_LINKS = (
    "with and but has have having plus featuring while whose where which that for like over under"
    " beside near next then also of in from made on at if because so as"
)
_COPULAS = "is are be should shall must in all very completely really of so"
SHADES = frozenset(_SHADES.split())
COLOUR_NOUNS = frozenset(_COLOUR_NOUNS.split())
LINKS = frozenset(_LINKS.split())  # where a phrase ends
JOINED = frozenset(("of", "in", "from", "made"))  # but not before a material: a bed of iron
NEGATIONS = frozenset(("no", "not", "without", "neither", "never"))
COPULAS = frozenset(_COPULAS.split())


HUES = tuple(MATERIALS)[:18]  # paints and cloths
_STONES = ("stone", "marble", "concrete", "brick", "slate", "terracotta")
_STUFF = frozenset(TIMBERS + METALLIC + _STONES)
WHOLE, NOT_OURS = -1, -2  # instead of the place of a part


class Found(NamedTuple):
    """A material in a text: the slot that it is of, or None for the whole, and its names.

    Attributes:
        slot: Of the family.
        names: Likeliest first.
        places: Of the words that say so, among them the part's noun.
    """

    slot: str | None
    names: tuple[str, ...]
    places: tuple[int, ...]


def _words_of_materials() -> dict[str, tuple[str, ...]]:
    """What each single word may mean: "golden" is gold, or the golden of leaves and coats."""
    table: dict[str, tuple[str, ...]] = {name: (name,) for name in SYNONYMS}
    for name, others in SYNONYMS.items():
        for other in others:
            table[other] = (*table.get(other, ()), name)
    return STUFFS | table | {"golden": ("gold", "golden")}


MATERIAL_WORDS = _words_of_materials()
PARTS = {family: parts_of(family, file.SLOTS) for family, file in FAMILIES.items()}
SLOT_WORDS = {
    family: {word: slot for slot, words in reversed(slots.items()) for word in words}
    for family, slots in PARTS.items()
}
_OTHER_PARTS = (
    "cushion rim tail nose neck seat back arms headboard pillow chimney mudguards curtains hood"
    " bonnet bumper trim"
)
_STUFFS = "velvet leather fabric upholstery padding glass"  # of which other things are made too
ANY_PART = frozenset(_OTHER_PARTS.split()).union(*SLOT_WORDS.values()) - set(_STUFFS.split())


def _hex_name(text: str) -> str:
    """The paint or cloth that is nearest to a colour such as #ff6600."""

    def levels(colour: str) -> np.ndarray:
        return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], dtype=float)

    wanted = levels(text)
    away = {name: np.square(levels(MATERIALS[name].colour) - wanted).sum() for name in HUES}
    return min(away, key=away.__getitem__)


def _is_material(words: Sequence[Word], at: int, nouns: Sequence[int]) -> bool:
    """Whether a word names a material here: the rose of a rose vase does, that of a garden not."""
    text = words[at].text
    if text[:1] == "#":
        return True
    if text not in MATERIAL_WORDS or at in nouns:
        return False
    if text not in THINGS_FIRST:
        return True
    before, after = (words[k].text if 0 <= k < len(words) else BREAK for k in (at - 1, at + 1))
    two = words[at - 2].text if at > 1 else BREAK
    named = words[at + 2].text if at + 2 < len(words) else BREAK
    return (
        after in MATERIAL_WORDS
        or (after in COLOUR_NOUNS and named not in MATERIAL_WORDS)
        or at + 1 in nouns
        or before in COLOUR_NOUNS
        or two in COLOUR_NOUNS
        or before in SHADES
    )


def _names(words: Sequence[Word], run: Sequence[int]) -> tuple[str, ...]:
    """What a run of material words names: navy blue is navy, white marble is marble."""
    texts = [words[at].text for at in run]
    if texts[0][0] == "#":
        return (_hex_name(texts[0]),)
    shade = words[run[0] - 1].text if run[0] else BREAK
    first, last = texts[0], texts[-1]
    chosen = MATERIAL_WORDS[first]
    if len(texts) > 1 and (first in THINGS_FIRST or (last in _STUFF and last not in GENERIC)):
        chosen = MATERIAL_WORDS[last]
    if first in STUFFS and shade in ("dark", "light", "pale"):
        return DARK_WOODS if shade == "dark" else LIGHT_WOODS
    return chosen


def materials_in(
    words: Sequence[Word], family: str, nouns: Sequence[int], others: Sequence[int]
) -> list[Found]:
    """Return the materials that a text names for a family, in its order.

    Args:
        words: Of the text.
        family: One of `CLASSES`.
        nouns: Places of the words that name the family.
        others: Places of words that name other things.
    """
    slots, found = SLOT_WORDS[family], []
    plain = [k for k in nouns if family == "tree" or words[k].text not in MADE_OF]
    at = 0
    while at < len(words):
        if not _is_material(words, at, plain):
            at += 1
            continue
        run = [at]
        while at + 1 < len(words) and _is_material(words, at + 1, plain):
            at += 1
            run.append(at)
        at += 1
        if any(words[k].text in NEGATIONS for k in range(max(0, run[0] - 2), run[0])):
            continue
        place = _coloured(words, run, family, nouns, others)
        if place == NOT_OURS:
            continue
        if place == WHOLE:
            found.append(Found(None, _names(words, run), tuple(run)))
            continue
        heads = [place, *_coordinated(words, place, slots)]
        found += [Found(slots[words[k].text], _names(words, run), (*run, k)) for k in heads]
    return found


def _coordinated(words: Sequence[Word], place: int, slots: dict[str, str]) -> list[int]:
    """The part before "and": the tip and the fins are orange."""
    k = place - 1
    while k > 0 and words[k].text in ("the", "its"):
        k -= 1
    if k > 0 and words[k].text == "and" and words[k - 1].text in slots:
        lone = k < 2 or words[k - 2].text in ("the", "its", "only", "both", BREAK)
        return [k - 1] if lone else []
    return []


def _coloured(
    words: Sequence[Word],
    run: Sequence[int],
    family: str,
    nouns: Sequence[int],
    others: Sequence[int],
) -> int:
    """The place of the part that a run colours, or WHOLE, or NOT_OURS.

    What follows decides, in the same phrase, then what stands before.
    """
    slots, stranger = SLOT_WORDS[family], False
    for at in range(run[-1] + 1, len(words)):
        text = words[at].text
        if text == BREAK or text in LINKS:
            break
        owner = _owner(words, at, slots, nouns, others)
        while owner == at and at + 1 < len(words) and words[at + 1].text in slots:
            at = owner = at + 1  # the front door
        if owner is not None:
            return owner
        if at == run[-1] + 1 and text not in COPULAS | COLOUR_NOUNS | CHATTER:
            stranger = True  # red apples: a thing that is no part of ours
    for at in range(run[0] - 1, -1, -1):
        text = words[at].text
        if text == BREAK or text in MATERIAL_WORDS or (text in LINKS and text not in JOINED):
            break
        owner = _owner(words, at, slots, nouns, others)
        if owner is not None:
            return owner
    return NOT_OURS if stranger else WHOLE


def _owner(
    words: Sequence[Word],
    at: int,
    slots: dict[str, str],
    nouns: Sequence[int],
    others: Sequence[int],
) -> int | None:
    """What a word says of who has a colour: its place, WHOLE, or NOT_OURS; None for nothing."""
    text = words[at].text
    if at in nouns and at not in others:
        return WHOLE
    if at not in others and text in slots:
        return at
    return NOT_OURS if at in others or text in ANY_PART else None


def dressed(family: str, found: Sequence[Found]) -> dict[str, str]:
    """Return the material of each slot that a text decides: parts first, then the whole.

    A colour for the whole goes to the family's main slot, a wood, metal or stone also to every
    other slot that is ever made of it; a lamp's go to its stem, foot and body.

    Args:
        family: One of `CLASSES`.
        found: Of `materials_in`.
    """
    choices = FAMILIES[family].MATERIALS
    result: dict[str, str] = {}
    for one in (one for one in found if one.slot):
        result.setdefault(one.slot, _likely(one.names, choices[one.slot]))
    for one in (one for one in found if one.slot is None):
        slots = list(choices)
        main, stuff = slots[0], one.names[0] in _STUFF
        if stuff and family == "lamp":
            main, slots = "stem", slots[1:]
        if main not in result:
            result[main] = _likely(one.names, choices[main])
        also = [slot for slot in slots if slot not in result and stuff]
        for slot in also:
            if set(one.names) & set(choices[slot]) or f"={main}" in choices[slot]:
                result[slot] = result[main]
    return result


def _likely(names: Sequence[str], choices: Sequence[str]) -> str:
    """The first of some materials that a slot is ever made of, else the first."""
    return next((name for name in names if name in choices), names[0])
