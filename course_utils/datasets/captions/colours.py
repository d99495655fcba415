"""What people call materials and the parts that are made of them, and which part a colour is of.

`SYNONYMS` gives each of the names in `shapes.materials` other words, `STUFFS` the names that a
broad word allows ("wooden"), `PARTS` the words for each slot of a family. `materials_in` reads the
materials off the words of a text: a colour belongs to the part that it stands beside, or else to
the whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from course_utils.datasets.captions.everyday import FILLERS
from course_utils.datasets.captions.typed import BREAK, Word
from course_utils.datasets.shapes.families import FAMILIES
from course_utils.datasets.shapes.materials import MATERIALS, METALLIC, TIMBERS

SYNONYMS = {
    "white": "ivory whitewashed snowy pearl chalk eggshell whitish alabaster porcelain enamel",
    "grey": "charcoal ash graphite greyish smoky gunmetal anthracite pewter zinc slategrey",
    "black": "jet onyx inky blackened noir obsidian blackish soot",
    "red": "crimson scarlet ruby vermilion carmine reddish cerise cherryred",
    "orange": "tangerine ginger apricot amber peach carrot orangey pumpkin coral saffron rusty",
    "yellow": "lemon canary sunny yellowish sunflower banana buttercup primrose",
    "green": "emerald lime jade sage mint forest greenish chartreuse pistachio avocado",
    "turquoise": "teal aqua cyan aquamarine seafoam peacock verdigris",
    "blue": "azure cobalt sky sapphire cerulean denim bluish ultramarine cornflower sea ocean royal",
    "navy": "midnight indigo",
    "purple": "violet lavender lilac mauve plum magenta amethyst aubergine eggplant purplish grape",
    "pink": "rose salmon fuchsia blush pinkish bubblegum flamingo",
    "cream": "creamy vanilla ecru champagne buttermilk linen",
    "beige": "tan sand sandy taupe fawn buff camel wheat oatmeal",
    "brown": "chocolate chestnut brownish tawny umber hazel sepia caramel tobacco",
    "olive": "khaki army military camouflage camo",
    "burgundy": "maroon wine bordeaux oxblood claret garnet merlot",
    "mustard": "ochre ocher curry turmeric",
    "oak": "oaken beech elm hickory",
    "pine": "cedar spruce larch plywood bamboo rattan wicker cane",
    "walnut": "mahogany teak rosewood wenge",
    "cherry": "cherrywood",
    "birch": "maple blond blonde",
    "ebony": "blackwood",
    "steel": "metal metallic silver chrome aluminium tin chromed silvery titanium stainless platinum"
    " steely galvanised galvanized",
    "iron": "wrought",
    "brass": "brassy",
    "copper": "coppery",
    "gold": "gilt gilded golden",
    "bronze": "bronzed",
    "stone": "granite sandstone limestone stoneware stony cobblestone flint basalt",
    "marble": "marbled",
    "concrete": "cement",
    "brick": "",
    "slate": "",
    "terracotta": "clay earthenware ceramic pottery rusty",
    "golden": "",
    "rusty": "rust rusted autumnal corroded ginger",
    "glass": "glassy crystal transparent clear perspex acrylic translucent",
    "rubber": "rubbery",
    "thatched": "thatch straw reed",
    "mossy": "moss",
    "earthy": "",
}
# Things first, and colours only beside another colour, the word "color", or what they colour.
WEAK = frozenset(
    "sky sea ocean rose salmon lemon lime mint forest plum peach wine camel sand grape apple carrot"
    " pumpkin banana sunflower linen army military royal midnight jade pearl chalk jet coral straw"
    " ginger golden clear ash tin peacock champagne hazel cane reed royal denim sunny wheat lavender"
    " flamingo avocado chestnut chocolate caramel vanilla ocean crystal cherry curry".split()
) - {"golden", "ginger", "straw", "clear", "crystal", "tin", "lavender", "chocolate", "cherry", "coral",
     "jade", "peach", "mint", "lime", "denim", "chestnut"}  # fmt: skip
# Broad words, and what they allow; the first that a slot is ever made of is taken.
STUFFS = {
    "wooden": TIMBERS, "wood": TIMBERS, "timber": TIMBERS, "plank": TIMBERS, "planks": TIMBERS,
    "log": TIMBERS, "logs": TIMBERS, "hardwood": TIMBERS,
}  # fmt: skip
GENERIC = frozenset([*STUFFS, "glass", "metal", "metallic", "clear", "transparent"])
DARK_WOODS, LIGHT_WOODS = ("walnut", "ebony"), ("birch", "pine")
SHADES = frozenset(
    "dark light pale bright deep neon matte matt dusty hot pastel glossy shiny vivid dull".split()
)
COLOUR_NOUNS = frozenset("color colored painted paint finish shade tone tones oxide".split())
LINKS = frozenset(
    "with and but has have having plus featuring while whose where which that for like"
    " over under beside near next then also of in from made on at if because so as".split()
)
JOINED = frozenset("of in from made".split())  # link what they follow with a material: bed of iron
DENIALS = frozenset("no not without neither never".split())
COPULAS = frozenset("is are be should shall must in all very completely really of so".split())

PARTS = {
    "chair": {
        "seat": "seat seats cushion cushions upholstery fabric padding leather",
        "legs": "legs leg feet foot base frame runners rockers pedestal rails stand",
        "back": "back backrest slats bars spindles",
        "arms": "arms arm armrests armrest rests",
    },
    "table": {
        "top": "top tabletop surface worktop desktop slab",
        "legs": "legs leg feet trestles trestle sawhorses",
        "base": "base pedestal column panels foot sides stand frame",
        "drawers": "drawers drawer apron shelf",
    },
    "lamp": {
        "shade": "shade lampshade globe bulb drum dome glass",
        "stem": "stem pole arm post stand rod neck",
        "foot": "foot base feet tripod plate legs",
        "body": "body",
    },
    "sofa": {
        "frame": "frame arms armrests arm sides upholstery fabric leather velvet",
        "seats": "seats seat",
        "cushions": "cushions cushion pillows pillow back",
        "legs": "legs leg feet foot",
    },
    "bed": {
        "frame": "frame bedframe posts base legs footboard ladder bars nightstands nightstand feet"
        " roof canopy",
        "sheets": "sheets sheet mattress pillows pillow linen bedding",
        "blanket": "blanket blankets cover covers duvet quilt bedspread throw comforter",
        "headboard": "headboard",
    },
    "shelf": {
        "boards": "boards board shelves frame sides posts legs shelf planks",
        "back": "back panel backboard",
        "doors": "doors door",
        "books": "books book",
    },
    "airplane": {
        "body": "body fuselage hull nose",
        "wings": "wings wing",
        "engines": "engines engine propeller prop jets turbines",
        "wheels": "wheels wheel gear undercarriage tires",
    },
    "car": {
        "body": "body bodywork cab cabin hood bonnet roof doors chassis paintwork",
        "windows": "windows window windscreen windshield glass",
        "wheels": "wheels wheel tires tire rims",
        "fittings": "spoiler rails box bumper bumpers rack mirrors grille",
    },
    "house": {
        "walls": "walls wall facade siding front bricks",
        "roof": "roof rooftop tiles gable",
        "door": "door doors garage entrance",
        "windows": "windows window panes shutters",
    },
    "tree": {
        "crown": "crown leaves foliage leaf needles top fronds blossoms canopy blossom",
        "trunk": "trunk trunks bark stem branches",
        "pot": "pot planter flowerpot tub container",
        "mound": "mound ground hill earth",
    },
    "mug": {
        "cup": "cup body outside mug sides",
        "handle": "handle handles",
        "saucer": "saucer plate",
        "drink": "drink coffee tea liquid inside",
    },
    "boat": {
        "hull": "hull body sides bottom deck",
        "fittings": "oars mast masts benches paddles bench seats funnel funnels chimney rails",
        "canvas": "sails sail canvas sheets",
        "cabin": "cabin wheelhouse deckhouse",
    },
    "rocket": {
        "body": "body hull fuselage boosters",
        "nose": "nose tip cone nosecone point top",
        "fins": "fins fin nozzle wings",
        "windows": "windows window porthole portholes",
    },
    "stool": {
        "seat": "seat top",
        "cushion": "cushion padding upholstery pad cover",
        "legs": "legs leg feet",
        "base": "base column pedestal footrest ring stand foot post",
    },
    "bench": {
        "seat": "seat slats planks boards",
        "legs": "legs leg feet",
        "base": "base ends panels trestles frame sides",
        "back": "back backrest",
    },
    "vase": {
        "vase": "body neck belly outside rim",
        "handles": "handles handle",
        "stems": "stems branches leaves twigs stalks",
        "flowers": "flowers flower roses tulips blossoms bouquet blooms daisies lilies petals",
    },
    "bottle": {
        "bottle": "body neck belly glass",
        "stopper": "stopper cork cap lid top",
        "handle": "handle grip",
        "label": "label sticker",
    },
    "animal": {
        "coat": "coat fur body skin hair ears tail hide",
        "socks": "socks paws hooves hoofs feet legs",
        "horns": "horns antlers tusks horn",
        "saddle": "saddle blanket",
    },
    "robot": {
        "body": "body torso chest head armor panels armour",
        "limbs": "limbs arms legs arm joints hands leg claws",
        "treads": "treads tracks wheels",
        "eyes": "eyes eye visor screen",
    },
    "bridge": {
        "deck": "deck road roadway surface planks",
        "piers": "piers towers pillars tower columns pylons pylon arches arch supports",
        "railings": "railings rails railing handrails parapet handrail ropes parapets",
        "cables": "cables cable ropes wires",
    },
}




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
    table: dict[str, tuple[str, ...]] = dict(STUFFS)
    for name in SYNONYMS:
        table[name] = (name,)
    for name, others in SYNONYMS.items():
        for other in others.split():
            table[other] = (*table.get(other, ()), name)
    return table | {"golden": ("gold", "golden")}  # of leaves and coats the latter


MATERIAL_WORDS = _words_of_materials()
SLOT_WORDS = {
    family: {word: slot for slot, words in reversed(slots.items()) for word in words.split()}
    for family, slots in PARTS.items()
}
CHATTER = frozenset(word for filler in FILLERS.split("; ") for word in filler.split())
ANY_PART = frozenset(word for slots in SLOT_WORDS.values() for word in slots) | frozenset(
    "cushion rim tail nose neck seat back arms headboard pillow chimney window mudguards".split()
)


def _hex_name(text: str) -> str:
    """The paint or cloth that is nearest to a colour such as #ff6600."""

    def levels(colour: str) -> np.ndarray:
        return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], dtype=float)

    wanted = levels(text)
    return min(HUES, key=lambda name: float(np.square(levels(MATERIALS[name].colour) - wanted).sum()))


def _is_material(words: Sequence[Word], at: int, nouns: Sequence[int]) -> bool:
    """Whether a word names a material here: the rose of a rose vase does, that of a garden not."""
    text = words[at].text
    if text[:1] == "#":
        return True
    if text not in MATERIAL_WORDS or at in nouns:
        return False
    if text not in WEAK:
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
    if len(texts) > 1 and (first in WEAK or (last in _STUFF and last not in GENERIC)):
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
    at = 0
    while at < len(words):
        if not _is_material(words, at, nouns):
            at += 1
            continue
        run = [at]
        while at + 1 < len(words) and _is_material(words, at + 1, nouns):
            at += 1
            run.append(at)
        at += 1
        if any(words[k].text in DENIALS for k in range(max(0, run[0] - 2), run[0])):
            continue
        place = _coloured(words, run, family, nouns, others)
        if place is None:
            continue
        if place < 0:
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
) -> int | None:
    """The place of the part that a run colours, -1 for the whole, None for what is not ours."""
    slots, stranger = SLOT_WORDS[family], False

    def owner(at: int) -> int | None:
        """What a word says of the owner: its place, -1 for the whole; IndexError if nothing."""
        text = words[at].text
        if at in others or (text in ANY_PART and text not in slots and at not in nouns):
            return None
        if at in nouns:
            return -1
        if text in slots:
            return at
        raise IndexError

    for at in range(run[-1] + 1, len(words)):
        text = words[at].text
        if text == BREAK or text in LINKS:
            break
        try:
            return owner(at)
        except IndexError:
            if at == run[-1] + 1 and text not in COPULAS | COLOUR_NOUNS | CHATTER:
                stranger = True  # red apples: a thing that is no part of ours
    for at in range(run[0] - 1, -1, -1):
        text = words[at].text
        if text == BREAK or text in MATERIAL_WORDS or (text in LINKS and text not in JOINED):
            break
        try:
            return owner(at)
        except IndexError:
            continue
    return None if stranger else -1


_STUFF = frozenset(TIMBERS + METALLIC) | {"stone", "marble", "concrete", "brick", "slate", "terracotta"}
HUES = tuple(MATERIALS)[:18]  # paints and cloths


def dressed(family: str, found: Sequence[Found]) -> dict[str, str]:
    """Return the material of each slot that a text decides: parts first, then the whole.

    A colour for the whole goes to the family's main slot, a wood, metal or stone also to every other
    slot that is ever made of it; a lamp's go to its stem, foot and body.

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
