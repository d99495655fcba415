"""What a shape may be called: captions that say part of what is true, in many wordings, and prompts
to test with.

Lesson 09 trains on them. `PHRASES` says, family by family, which words stand for which attributes
of `make_shape`; `FORMS` are the sentences they go into. Three things training never sees: some
sentences (`TEST_FORMS`, with no word of their own); some pairs of attributes in one text, though
shapes have them (`SAID_APART`); some pairs in a text or in a shape (`HELD_OUT`). So what a model
does with new prompts can be counted kind by kind. `faithfulness` counts, with `measure` as the
judge.

A key is "attribute=value", with "|" between values that the phrase does not tell apart, a space
between attributes that one phrase names together, "_" for a blank in a value, yes and no for True
and False. "?attribute=value" must be true too, but is not said. Phrases: "=" stands for the whole
noun, "~" is the place of the noun behind an adjective, "no" begins what is absent, all others
follow "with". Families list them in the order in which English puts adjectives.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from string import Formatter
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes import CLASSES, Draws, ShapeSet, attributes_of, measure
from course_utils.networks.text import split

Attributes = Mapping[str, str | int | bool]
Named = dict[
    str, tuple[str | int | bool, ...]
]  # an attribute and the values of which it must have one

LONGEST = 24  # words, as many as `TextEncoder` reads
FIRST_TEST_SEED = 1_000_000  # training takes its shapes from lower ones
NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4", "six": "6"}

FORMS = (
    "{a}",
    "{thing}",
    "this is {a}",
    "{a_noun} that is {adjectives}",
    "{a} with {details}",
    "{a} with {details}",
    "{a} that has {details}",
    "{a} featuring {details}",
    "with {details}, {a}",
    "this {thing} has {details}",
    "this is {a} and it has {details}",
    "{a_noun} that is {adjectives} and has {details}",
    "{a} that has {first}, with {rest}",
    "{thing}, {keywords}",
)
TEST_FORMS = (
    "it is {a}",
    "this {noun} is {adjectives}",
    "it is {a} that has {details}",
    "{a}, it has {details}",
    "this {noun} is {adjectives} and has {details}",
    "{a} featuring {first}, with {rest}",
    "{keywords}, {thing}",
)

HELD_OUT = {
    "chair": ("back=ladder base=pedestal",),
    "table": ("size=tall base=trestle",),
    "lamp": ("body=ball foot=square",),
    "bed": ("headboard=slatted footboard=yes",),
    "shelf": ("rows=3 columns=2",),
    "airplane": ("wings=delta engines=4",),
    "house": ("roof=flat garage=left",),
    "tree": ("crown=round lean=left",),
    "mug": ("sides=tapered handle=both",),
}
SAID_APART = {
    "chair": ("seat=round base=runners",),
    "table": ("top=oval base=pedestal",),
    "lamp": ("kind=arc shade=drum",),
    "sofa": ("form=chaise back=rounded",),
    "bed": ("size=double headboard=ladder",),
    "shelf": ("frame=posts doors=yes",),
    "car": ("kind=bus roof=rails",),
    "house": ("roof=hipped storeys=2",),
    "tree": ("crown=palm base=pot",),
}

PHRASES = {
    "chair": {
        "": "=chair",
        "armrests=yes": "armrests; arms; arm rests; =armchair",
        "armrests=no": "no armrests; no arms; no arm rests; armless ~",
        "back_height=high": "a high back; a tall back; high backed ~",
        "back_height=low": "a low back; a short back; low backed ~",
        "reclined=yes": "a reclined back; a leaning back",
        "reclined=no": "an upright back; a straight back",
        "back=solid": "a solid back; a closed back",
        "back=rounded": "a rounded back; an arched back; a back that is round at the top",
        "back=slatted": "a slatted back; a back of slats",
        "back=ladder": "a ladder back; a back of bars across",
        "back=panel": "a panel back; a back that is open below",
        "seat=square": "a square seat",
        "seat=round": "a round seat; a circular seat",
        "base=four_legs": "four legs; four feet",
        "base=three_legs": "three legs; three feet",
        "base=pedestal": "a pedestal; a pedestal foot; a central foot",
        "base=runners": "runners; sled runners; a sled base",
    },
    "table": {
        "": "=table",
        "size=low": "low ~; =coffee table",
        "size=medium": "medium height ~; a medium height",
        "size=tall": "tall ~; high ~; =bar table",
        "top=rectangular": "rectangular ~; a rectangular top; a rectangular tabletop",
        "top=round": "round ~; circular ~; a round top; a circular top; a round tabletop",
        "top=oval": "oval ~; an oval top; an oval tabletop",
        "base=four_legs": "four legs",
        "base=pedestal": "a pedestal; a central pedestal; a single column",
        "base=trestle": "a trestle base; trestles; trestle legs",
        "base=side_panels": "side panels; panel sides; panels at the sides",
        "legs=slim": "slim legs; thin legs",
        "legs=thick": "thick legs; sturdy legs",
        "extra=apron": "a deep apron; an apron",
        "extra=shelf": "a shelf below; a lower shelf; a shelf under the top",
        "extra=drawers_left": "drawers on the left; drawers at the left side",
        "extra=drawers_right": "drawers on the right; drawers at the right side",
        "extra=drawers_both": "drawers on both sides; drawers left and right",
        "extra=drawers_left|drawers_right|drawers_both": "drawers",
        "extra=none|apron|shelf": "no drawers",
        "extra=none": "nothing below; nothing under the top",
    },
    "lamp": {
        "": "=lamp; =light",
        "kind=floor": "=floor lamp; =floor light; =standing lamp",
        "kind=table": "=table lamp; =table light",
        "kind=arc": "=arc lamp; =arc light; a curved arm; a bent arm",
        "kind=desk": "=desk lamp; =desk light; a jointed arm",
        "shade_size=shallow": "a shallow shade; a short shade",
        "shade_size=deep": "a deep shade; a tall shade",
        "shade=cone": "a conical shade; a cone shade; a cone shaped shade",
        "shade=drum": "a cylindrical shade; a drum shade; a drum shaped shade",
        "shade=globe": "a globe; a round globe; a globe shade",
        "shade=dome": "a dome shade; a domed shade; a dome shaped shade",
        "shade=box": "a square shade; a box shade; a box shaped shade",
        "foot=round": "a round foot; a round base; a circular foot",
        "foot=square": "a square foot; a square base",
        "foot=tripod": "three legs; a tripod; a tripod foot",
        "body=slim": "a slim body; a thin body; a slim stem; a thin stem",
        "body=ball": "a round body; a ball shaped body",
        "body=vase": "a conical body; a vase shaped body",
    },
    "sofa": {
        "": "=sofa; =couch; =settee",
        "seats=2": "two seats; seating for two; =two seater; =two seater sofa",
        "seats=3": "three seats; seating for three; =three seater; =three seater sofa",
        "form=straight": "straight ~; =straight sofa; =straight couch",
        "form=corner": "=corner sofa; =corner couch; a corner",
        "form=chaise": "=chaise sofa; a chaise; a chaise longue",
        "form=corner side=left": "a corner on the left; a left corner",
        "form=corner side=right": "a corner on the right; a right corner",
        "form=chaise side=left": "a chaise on the left; a left chaise",
        "form=chaise side=right": "a chaise on the right; a right chaise",
        "side=left": "a longer left side; a left side that comes forward",
        "side=right": "a longer right side; a right side that comes forward",
        "arms=none": "no arms; no armrests; armless ~",
        "arms=low ?side=none": "low arms; low armrests",
        "arms=low ?side=left|right": "a low arm; a low armrest",
        "arms=high ?side=none": "high arms; tall arms; high armrests",
        "arms=high ?side=left|right": "a high arm; a tall arm; a high armrest",
        "legs=yes": "legs; short legs; feet",
        "legs=no": "no legs; no feet; a base on the floor",
        "back=plain": "a plain back; a flat back",
        "back=rounded": "a rounded back; a curved back",
        "back=cushioned": "back cushions; a cushioned back; cushions at the back",
    },
    "bed": {
        "": "=bed",
        "kind=plain": "plain ~; simple ~",
        "size=single": "single ~; narrow ~",
        "size=double": "double ~; wide ~",
        "kind=canopy": "=canopy bed; =four poster bed; =four poster; four tall posts",
        "kind=bunk": "=bunk bed; two levels; two beds on top of each other",
        "headboard=none": "no headboard",
        "headboard=solid|rounded|slatted|ladder|panel": "a headboard",
        "headboard=solid": "a solid headboard; a closed headboard",
        "headboard=rounded": "a rounded headboard; an arched headboard",
        "headboard=slatted": "a slatted headboard; a headboard of slats",
        "headboard=ladder": "a ladder headboard; a headboard of bars across",
        "headboard=panel": "a panel headboard; a headboard that is open below",
        "footboard=yes": "a footboard",
        "footboard=no": "no footboard",
        "legs=yes": "legs; feet",
        "legs=no": "no legs; no feet; a box base",
        "blanket=yes": "a blanket; a cover",
        "blanket=no": "no blanket; no cover",
        "pillows=1 ?kind=plain|canopy": "a pillow; one pillow",
        "pillows=2": "two pillows",
        "nightstands=none": "no nightstand; no bedside table",
        "nightstands=left": "a nightstand on the left; a bedside table on the left",
        "nightstands=right": "a nightstand on the right; a bedside table on the right",
        "nightstands=left|right": "a nightstand; one nightstand; a bedside table",
        "nightstands=both": "two nightstands; two bedside tables; nightstands on both sides",
        "roof=yes": "a roof; a flat roof; a closed roof",
        "roof=no ?kind=canopy": "no roof; an open frame above",
    },
    "shelf": {
        "": "=shelf; =rack; =shelving unit",
        "books=yes": "books; =bookshelf; =bookcase",
        "books=no": "no books",
        "size=tall": "tall ~; high ~",
        "size=wide": "wide ~; broad ~",
        "rows=1": "one row; a single row",
        "rows=2": "two rows; two levels",
        "rows=3": "three rows; three levels",
        "rows=4": "four rows; four levels",
        "columns=1": "one column; a single column",
        "columns=2": "two columns",
        "columns=3": "three columns",
        "columns=4": "four columns",
        "frame=panels": "side panels; panel sides; closed sides",
        "frame=posts": "corner posts; posts at the corners; open sides",
        "back=yes": "a back panel; a closed back",
        "back=no": "no back panel; no back; an open back",
        "doors=yes": "doors; doors at the bottom; doors below",
        "doors=no": "no doors",
        "legs=yes": "legs; feet",
        "legs=no": "no legs; no feet; a base on the floor",
        "high_end=left": "steps that rise to the left; a higher left side",
        "high_end=right": "steps that rise to the right; a higher right side",
        "high_end=none": "no steps; a level top",
    },
    "airplane": {
        "": "=airplane; =plane; =aircraft",
        "body=wide": "wide ~; a wide body; a thick body",
        "body=slim": "slim ~; a slim body; a thin body",
        "wing_height=high": "high wings; high mounted wings; wings at the top",
        "wing_height=low": "low wings; low mounted wings; wings at the bottom",
        "wings=straight": "straight wings",
        "wings=swept": "swept wings; swept back wings",
        "wings=delta": "delta wings; triangular wings",
        "engines=0 ?propeller=no": "no engines",
        "engines=0": "no jet engines",
        "engines=2": "two engines",
        "engines=4": "four engines",
        "engines=2|4": "jet engines",
        "engine_place=wings": "engines under the wings; engines below the wings",
        "engine_place=tail": "engines at the tail; rear engines; engines at the back",
        "propeller=yes": "a propeller; a propeller at the front",
        "propeller=no": "no propeller",
        "tail=plain": "a plain tail; a single tail fin; one tail fin",
        "tail=T": "a t tail; a t shaped tail",
        "tail=twin": "a twin tail; twin tail fins; two tail fins",
        "gear=yes": "wheels; an undercarriage",
        "gear=no": "no wheels; no undercarriage",
    },
    "car": {
        "?kind=sedan|hatchback|pickup": "=car; =automobile",
        "?kind=bus": "=vehicle",
        "": "=vehicle",
        "kind=sedan": "=sedan; =sedan car; =saloon; =saloon car",
        "kind=hatchback": "=hatchback; =hatchback car",
        "kind=bus": "=bus; =coach",
        "kind=pickup": "=pickup; =pickup truck; =truck",
        "wheels=4": "four wheels",
        "wheels=6": "six wheels",
        "wheel_size=large": "large wheels; big wheels",
        "wheel_size=small": "small wheels; little wheels",
        "roof=plain": "a plain roof; a bare roof; nothing on the roof",
        "roof=rails": "roof rails; rails on the roof",
        "roof=box": "a roof box; a box on the roof",
        "spoiler=yes": "a spoiler; a rear spoiler",
        "spoiler=no": "no spoiler",
    },
    "house": {
        "": "=house; =home; =building",
        "storeys=1": (
            "one floor; =bungalow; =one storey house; =single storey house; =one story house"
        ),
        "storeys=2": (
            "two floors; two storeys; =two storey house; =two story house; =two floor house"
        ),
        "storeys=3": (
            "three floors; three storeys; =three storey house; =three story house; =three floor"
            " house"
        ),
        "pitch=low": "a low roof; a shallow roof",
        "pitch=steep": "a steep roof",
        "roof=gable|front_gable": "a gable roof; a gabled roof",
        "roof=gable": "a side gable roof; gables at the sides",
        "roof=front_gable": (
            "a front gable roof; a gable at the front; a gable roof that faces the front"
        ),
        "roof=hipped": "a hipped roof; a hip roof; a roof that slopes to all sides",
        "roof=flat": "a flat roof",
        "roof=shed": "a shed roof; a roof that slopes to the front",
        "chimney=none": "no chimney",
        "chimney=left": "a chimney on the left; a chimney at the left side",
        "chimney=right": "a chimney on the right; a chimney at the right side",
        "chimney=left|right": "a chimney",
        "door=left": "a door on the left; a left door",
        "door=middle": "a door in the middle; a central door",
        "door=right": "a door on the right; a right door",
        "garage=none": "no garage",
        "garage=left": "a garage on the left; a garage at the left side",
        "garage=right": "a garage on the right; a garage at the right side",
        "garage=left|right": "a garage",
        "porch=yes": "a porch; a front porch; a porch at the front",
        "porch=no": "no porch; no front porch",
        "wing=yes": "a wing at the back; a back wing; an extension at the back",
        "wing=no": "no wing; no back wing; no extension",
    },
    "tree": {
        "": "=tree",
        "trunks=1": "a single trunk",
        "trunks=2": "two trunks",
        "trunk=tall ?trunks=1": "a tall trunk; a long trunk",
        "trunk=tall ?trunks=2": "tall trunks; long trunks",
        "trunk=short ?trunks=1": "a short trunk",
        "trunk=short ?trunks=2": "short trunks",
        "girth=thick ?trunks=1": "a thick trunk; a sturdy trunk",
        "girth=thick ?trunks=2": "thick trunks; sturdy trunks",
        "girth=thin ?trunks=1": "a thin trunk; a slim trunk",
        "girth=thin ?trunks=2": "thin trunks; slim trunks",
        "lean=straight": "straight ~; upright ~",
        "lean=left": "a lean to the left; a tilt to the left",
        "lean=right": "a lean to the right; a tilt to the right",
        "lean=left|right": "leaning ~; tilted ~",
        "crown=round ?layers=1": "a round crown; a ball shaped crown",
        "crown=round ?layers=2": "round crowns; ball shaped crowns",
        "crown=fir": "=fir; =fir tree; =pine; =pine tree; =christmas tree",
        "crown=cypress": "=cypress; =cypress tree; a narrow crown; a slender crown",
        "crown=umbrella": "=umbrella tree; =acacia; =acacia tree",
        "crown=umbrella ?layers=1": "a flat crown",
        "crown=palm": "=palm; =palm tree; palm leaves",
        "layers=1 ?crown=fir|umbrella|round": "one layer; a single layer",
        "layers=2 ?crown=round": "two crowns",
        "layers=2": "two layers; two tiers",
        "layers=3": "three layers; three tiers",
        "base=ground": "flat ground; flat ground below",
        "base=ground|mound": "no pot",
        "base=ground|pot": "no mound",
        "base=pot": "a pot; potted ~",
        "base=mound": "a mound; a mound of earth; a small hill below",
    },
    "mug": {
        "": "=mug; =cup",
        "full=yes": "full ~; filled ~",
        "full=no": "empty ~",
        "height=tall": "tall ~; high ~",
        "height=short": "short ~; low ~",
        "outline=round": "round ~; circular ~",
        "outline=square": "square ~",
        "sides=straight": "straight sides",
        "sides=tapered": "tapered sides; slanted sides",
        "sides=rounded": "rounded sides; curved sides",
        "handle=none": "no handle; no handles",
        "handle=left": "a handle on the left; a left handle",
        "handle=right": "a handle on the right; a right handle",
        "handle=left|right": "a handle; a single handle",
        "handle=both": "two handles; handles on both sides",
        "handle_shape=round handle=left|right": "a round handle; a curved handle",
        "handle_shape=round handle=left": "a round handle on the left; a curved handle on the left",
        "handle_shape=round handle=right": (
            "a round handle on the right; a curved handle on the right"
        ),
        "handle_shape=round handle=both": (
            "two round handles; two curved handles; round handles on both sides"
        ),
        "handle_shape=square handle=left|right": "a square handle; an angular handle",
        "handle_shape=square handle=left": (
            "a square handle on the left; an angular handle on the left"
        ),
        "handle_shape=square handle=right": (
            "a square handle on the right; an angular handle on the right"
        ),
        "handle_shape=square handle=both": (
            "two square handles; two angular handles; square handles on both sides"
        ),
        "rim=yes": "a thick rim; a rim",
        "rim=no": "no rim; no thick rim",
        "saucer=yes": "a saucer",
        "saucer=no": "no saucer",
    },
}


class Prompt(NamedTuple):
    """A text, the family it is about, what it names, and the seed of a real shape of which all of
    it is true.
    """

    text: str
    family: str
    named: Named
    seed: int


class Score(NamedTuple):
    """How many of the attributes that were asked for are there."""

    right: int
    asked: int


class _Fact(NamedTuple):
    """Phrases that say the same, what they name, and what else must be true."""

    named: Named
    when: Named
    phrases: tuple[str, ...]


def _condition(text: str) -> tuple[Named, Named]:
    """What a key of `PHRASES` names, and what it only presupposes."""
    named, when = {}, {}
    for term in text.split():
        name, values = term.lstrip("?").split("=")
        (when if term[0] == "?" else named)[name] = tuple(
            _value(value) for value in values.split("|")
        )
    return named, when


def _value(text: str) -> str | int | bool:
    return (
        int(text)
        if text.isdigit()
        else {"yes": True, "no": False}.get(text, text.replace("_", " "))
    )


_FACTS = {
    family: [_Fact(*_condition(key), tuple(phrases.split("; "))) for key, phrases in table.items()]
    for family, table in PHRASES.items()
}
# every attribute with the values that some phrase gives it: (family, attribute, values)
FACTS = tuple(
    dict.fromkeys(
        (family, *named)
        for family, facts in _FACTS.items()
        for fact in facts
        for named in fact.named.items()
    )
)


def _holds(condition: Named, attributes: Attributes) -> bool:
    return all(attributes[name] in values for name, values in condition.items())


def pairs_of(
    family: str, attributes: Attributes, table: Mapping[str, Sequence[str]] = HELD_OUT
) -> list[Named]:
    """Those pairs of a table, `HELD_OUT` or `SAID_APART`, that a shape has."""
    pairs = [_condition(pair)[0] for pair in table.get(family, ())]
    return [pair for pair in pairs if _holds(pair, attributes)]


def held_out(shapes: ShapeSet) -> np.ndarray:
    """Which of N shapes training does without: bool (N,)."""
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return np.array(
        [bool(pairs_of(CLASSES[label], attributes)) for label, attributes in rows], dtype=bool
    )


def named_facts(families: Sequence[str], named: Sequence[Named]) -> np.ndarray:
    """Which of `FACTS` N texts name: bool (N, facts)."""
    place = {fact: number for number, fact in enumerate(FACTS)}
    rows = np.zeros((len(named), len(FACTS)), dtype=bool)
    for row, family, each in zip(rows, families, named, strict=True):
        row[[place[family, *item] for item in each.items()]] = True
    return rows


def true_facts(shapes: ShapeSet) -> np.ndarray:
    """Which of `FACTS` are true of N shapes: bool (N, facts). None of another family's is."""
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return np.array(
        [
            [family == CLASSES[label] and a[name] in values for family, name, values in FACTS]
            for label, a in rows
        ],
        dtype=bool,
    )


def words() -> list[str]:
    """Every word that a caption can hold, in alphabetical order: the vocabulary, whatever is
    drawn.
    """
    texts = [phrase for facts in _FACTS.values() for fact in facts for phrase in fact.phrases]
    texts += [re.sub("{.*?}", " ", form) for form in FORMS]
    found = {word for text in texts for word in split(text)}
    return sorted(found | {"a", "an", "and", "but", "or", "without", *NUMBERS.values()})


def caption(
    family: str,
    attributes: Attributes,
    draws: Draws,
    forms: Sequence[str] = FORMS,
    must: Named | None = None,
) -> tuple[str, Named]:
    """A true text of at most 24 words about a shape, and what it names: {attribute: the values it
    allows}.

    attributes: what `make_shape` says of a shape of `family`. Up to four phrases name some of them,
    sometimes none, always those in `must`, and both of a pair in `SAID_APART` only there. Nothing
    but `draws` decides: `Draws("captions", 5)` names the same text everywhere. ValueError for an
    unknown family.
    """
    if family not in _FACTS:
        raise ValueError(f"family={family!r}: expected one of {', '.join(_FACTS)}")
    true = [
        fact
        for fact in _FACTS[family]
        if _holds(fact.named, attributes) and _holds(fact.when, attributes)
    ]
    nouns = next(fact.phrases for fact in true if not fact.named)
    must = must or {}
    apart = [
        pair
        for pair in pairs_of(family, attributes, SAID_APART)
        if not pair.items() <= must.items()
    ]
    chosen = _chosen(true, draws, must, apart)
    while True:
        text = _sentence(
            [phrase for _, phrase in sorted(chosen)], draws.pick(*nouns)[1:], draws, forms
        )
        if len(split(text)) <= LONGEST:
            return text, {
                name: values for place, _ in chosen for name, values in true[place].named.items()
            }
        chosen.pop()


def captions(shapes: ShapeSet, seed: int, forms: Sequence[str] = FORMS) -> list[str]:
    """A caption for each of N shapes. Another seed words them anew, and names other attributes: one
    for each epoch.
    """
    return [text for text, _ in told(shapes, seed, forms)]


def told(shapes: ShapeSet, seed: int, forms: Sequence[str] = FORMS) -> list[tuple[str, Named]]:
    """The `captions` of N shapes, each with what it names."""
    draws = Draws("captions", seed)
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return [caption(CLASSES[label], attributes, draws, forms) for label, attributes in rows]


def fits(attributes: Sequence[Attributes], named: Sequence[Named]) -> np.ndarray:
    """Of which of N shapes of one family is true what C captions name: bits (C, N / 8) as of
    `numpy.packbits`.
    """
    known: dict[tuple, np.ndarray] = {}
    rows = []
    for each in named:
        row = np.ones(len(attributes), dtype=bool)
        for condition in each.items():
            if condition not in known:
                known[condition] = np.array(
                    [_holds(dict([condition]), shape) for shape in attributes], dtype=bool
                )
            row &= known[condition]
        rows.append(np.packbits(row))
    return np.stack(rows)


def _shuffled(items: Sequence, draws: Draws) -> list:
    return sorted(items, key=lambda _: draws.between(0.0, 1.0))


def _chosen(
    true: list[_Fact], draws: Draws, must: Named, apart: list[Named]
) -> list[tuple[int, str]]:
    """Places in `true` with a phrase for each, those in `must` first; at most one noun, no
    attribute twice, and no pair of `apart`."""
    number = draws.pick(0, 1, 1, 2, 2, 2, 3, 3, 3, 4)
    asked = [any(name in must for name in fact.named) for fact in true]
    chosen, named, has_noun = [], {}, False
    for place in sorted(_shuffled(range(len(true)), draws), key=lambda place: not asked[place]):
        fact = true[place]
        if len(chosen) >= number and must.keys() <= named.keys():
            break
        vague = any(
            not set(fact.named[name]) <= set(must[name]) for name in fact.named if name in must
        )
        phrases = [phrase for phrase in fact.phrases if not (has_noun and phrase[0] == "=")]
        together = any(pair.items() <= (named | fact.named).items() for pair in apart)
        if (
            fact.named
            and phrases
            and not vague
            and not together
            and not named.keys() & fact.named.keys()
        ):
            chosen.append((place, draws.pick(*phrases)))
            named |= fact.named
            has_noun |= chosen[-1][1][0] == "="
    return chosen


def _sentence(phrases: list[str], noun: str, draws: Draws, forms: Sequence[str]) -> str:
    """The phrases, in the order of the table, and a noun if none is among them, in one of the forms
    that fit.
    """
    noun = next((phrase[1:] for phrase in phrases if phrase[0] == "="), noun)
    adjectives = [phrase[:-2] for phrase in phrases if phrase[-1] == "~"]
    details = [phrase for phrase in phrases if phrase[0] != "=" and phrase[-1] != "~"]
    details = _shuffled(_merged(details), draws)
    absent = (
        [_a(detail[3:]) for detail in details if detail.startswith("no ")]
        if draws.chance(0.5)
        else []
    )
    stated = [detail for detail in details if not absent or not detail.startswith("no ")]
    form = draws.pick(*[form for form in forms if _fits(form, adjectives, stated)])
    if stated and not form.endswith(("details}", "rest}")):  # nothing may follow
        absent, stated = [], details
    link = " but" if stated else " and" if form.endswith("adjectives}") else ""
    thing = " ".join([*adjectives, noun])
    text = form.format(
        noun=noun,
        a_noun=_a(noun),
        thing=thing,
        a=_a(thing),
        adjectives=" and ".join(adjectives),
        details=_listed(stated, "and"),
        first="".join(stated[:1]),
        rest=_listed(stated[1:], "and"),
        keywords=", ".join(re.sub("^an? ", "", detail) for detail in stated),
    ) + (f"{link} without {_listed(absent, 'or')}" if absent else "")
    return _digits(text) if draws.chance(0.3) else text


def _fits(form: str, adjectives: list[str], details: list[str]) -> bool:
    """Whether a form says all that there is to say, and nothing that there is not."""
    fields = {field for _, field, _, _ in Formatter().parse(form)}
    told = bool(fields & {"details", "keywords", "first"}) == bool(details)
    return (
        told
        and bool(adjectives or "adjectives" not in fields)
        and (len(details) > 1 or "rest" not in fields)
    )


def _a(name: str) -> str:
    """The name with "a" or "an", and no article before a plural; a bus and a cypress are none."""
    if re.search("([^us]s|feet)$", name):
        return name
    return f"an {name}" if name[0] in "aeiou" and not name.startswith("one ") else f"a {name}"


def _listed(details: list[str], link: str) -> str:
    return f" {link} ".join([", ".join(details[:-1]), details[-1]] if len(details) > 1 else details)


def _digits(text: str) -> str:
    return re.sub(r"\w+", lambda word: NUMBERS.get(word[0], word[0]), text)


_DETAIL = re.compile(
    r"(a |an |no )?(.*?)(\w+)((?: (?:on|at|in|to|of|for|that|with|under|below|above|across)\b.*)?)$"
)


def _merged(details: list[str]) -> list[str]:
    """'a high back' and 'a back of bars across' become 'a high back of bars across'."""
    whole = []
    for detail in details:
        for k, other in enumerate(whole):
            if both := _joined(other, detail):
                whole[k] = both
                break
        else:
            whole.append(detail)
    return whole


def _joined(one: str, two: str) -> str | None:
    """One detail for two about the same part, or None; numbers go first."""
    article, before, part, behind = _DETAIL.match(one).groups()
    other, more, same, tail = _DETAIL.match(two).groups()
    if (
        part != same
        or bool(article) != bool(other)
        or "no " in (article, other)
        or (behind and tail)
    ):
        return None
    before, more = sorted((before, more), key=lambda words: words.split(" ")[0] not in NUMBERS)
    name = f"{before}{more}{part}"
    return (_a(name) if article else name) + (behind or tail)


def prompts(
    count: int,
    pairs: Mapping[str, Sequence[str]] | None = None,
    forms: Sequence[str] = FORMS,
    first_seed: int = FIRST_TEST_SEED,
) -> list[Prompt]:
    """`count` prompts that name something, families in turn, each true of a real shape that
    training never draws.

    pairs: `HELD_OUT` or `SAID_APART`: the text names both of such a pair; None: nothing that
    training could not have named. The shape is `make_shape(family, seed)`, with a seed from
    `first_seed` on. Pass `TEST_FORMS` for sentences that training lacks.
    """
    draws = Draws("prompts", first_seed)
    families = [family for family in CLASSES if pairs is None or family in pairs]
    sources = [_test_prompts(family, pairs, forms, first_seed, draws) for family in families]
    return [next(sources[k % len(sources)]) for k in range(count)]


def _test_prompts(
    family: str,
    pairs: Mapping[str, Sequence[str]] | None,
    forms: Sequence[str],
    first_seed: int,
    draws: Draws,
) -> Iterator[Prompt]:
    for seed in itertools.count(first_seed):
        attributes = attributes_of(family, seed)
        wanted = [] if pairs is None else pairs_of(family, attributes, pairs)
        known = pairs is HELD_OUT or not pairs_of(family, attributes)
        if known and bool(wanted) == (pairs is not None):
            text, named = caption(
                family, attributes, draws, forms, must=draws.pick(*wanted) if wanted else None
            )
            if named:
                yield Prompt(text, family, named, seed)


def obeys(voxels: np.ndarray, prompt: Prompt) -> dict[str, bool]:
    """Whether each attribute that a prompt names is there in bool (D, H, W), `measure` judges:
    {attribute: bool}.

    Where nothing can be measured, in an empty shape for example, all is wrong. Whether the shape is
    of the prompt's family at all is not asked.
    """
    measured = measure(voxels, prompt.family) if voxels.any() else {}
    return {name: measured.get(name) in values for name, values in prompt.named.items()}


def faithfulness(voxels: np.ndarray, prompts: Sequence[Prompt]) -> dict[str, Score]:
    """How much of what was asked for is there, by "family.attribute": bool (N, D, H, W) made from N
    prompts.

    Always report beside it the judge's own error, this count of real shapes,
    `make_shape(prompt.family, prompt.seed)`, and what shapes get that were made from other prompts
    of the family. ValueError for another number of shapes than prompts.
    """
    if len(voxels) != len(prompts):
        raise ValueError(
            f"voxels: {len(voxels)} shapes for {len(prompts)} prompts; expected one for each"
        )
    right, asked = Counter(), Counter()
    for shape, prompt in zip(voxels, prompts, strict=True):
        for name, obeyed in obeys(shape, prompt).items():
            asked[f"{prompt.family}.{name}"] += 1
            right[f"{prompt.family}.{name}"] += obeyed
    return {key: Score(right[key], asked[key]) for key in sorted(asked)}


def total(scores: Mapping[str, Score]) -> Score:
    """The sum of several scores."""
    return Score(*(sum(numbers) for numbers in zip(*scores.values(), strict=True)))
