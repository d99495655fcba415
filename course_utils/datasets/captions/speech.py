"""Texts as people type them, made by the thousand, each with what it names.

A reader is trained on them (`models.recipes.facts_of_speech`): nouns, adjectives and details of
`phrases` and `everyday` in sentences, lists and chatter, with plurals, slips of the keyboard,
colours, denied parts, wrong counts, things that no family is, and words that mean nothing here.
They describe no shape: what a text names is known without one.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from course_utils.datasets.captions.colours import PARTS
from course_utils.datasets.captions.everyday import FILLERS, OUTSIDE, SYNONYMS, everyday
from course_utils.datasets.captions.facts import Entry, Named, Value, parsed_entries
from course_utils.datasets.captions.phrases import PHRASES
from course_utils.datasets.shapes import CLASSES, Draws

Fact = tuple[str, str, tuple[Value, ...]]  # family, attribute, values
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
DIGITS = {name: str(number) for number, name in enumerate(NUMBERS, 1)}
# What naming one thing says of another: a boat with sails is a sailing boat.
IMPLIED = {
    "boat": {
        "sails": ("none", "kind", ("sailing",)),
        "oars": (False, "kind", ("rowing",)),
        "funnels": (0, "kind", ("motor",)),
    }
}


class Spoken(NamedTuple):
    """A text, the families that it asks for, first the one that it is about, and what it names.

    named: Of the first family; empty where there is none.
    """

    text: str
    families: tuple[str, ...]
    named: Named


@cache
def entries_of(family: str) -> tuple[Entry, ...]:
    """Return what captions and people say of a family, as in `facts.ENTRIES`."""
    spoken = parsed_entries(everyday(family))
    anew = {phrase for one in spoken for phrase in one.phrases}
    written = [
        one._replace(phrases=tuple(phrase for phrase in one.phrases if phrase not in anew))
        for one in parsed_entries(PHRASES[family])
    ]
    return (*(one for one in written if one.phrases), *spoken)


@cache
def speakable_facts(classes: Sequence[str] = CLASSES) -> tuple[Fact, ...]:
    """Return all facts that a text can name: (family, attribute, values), those of captions first.

    Args:
        classes: The families; a tuple.
    """
    facts = [
        (family, *named)
        for table in (PHRASES.get, everyday)
        for family in classes
        for entry in parsed_entries(table(family))
        for named in entry.named.items()
    ]
    return tuple(dict.fromkeys(facts))


def spoken_words(classes: Sequence[str] = CLASSES) -> list[str]:
    """Return every word that `speech` knows, names of families first: what spelling is mended to.

    Args:
        classes: The families.
    """
    texts = [*classes]
    for family in classes:
        nouns, adjectives, details = phrases_of(family)
        texts += [phrase for phrase, _ in (*nouns, *adjectives, *details)]
    texts += [word for slots in PARTS.values() for words in slots.values() for word in words]
    texts += [*SYNONYMS, *(word for words in SYNONYMS.values() for word in words)]
    texts += [*OUTSIDE, *FILLERS, *NUMBERS, *CONNECTIVES, *LINKS, *ENDINGS, *DENIALS]
    return list(dict.fromkeys(word for text in texts for word in re.findall("[a-z]+", text)))


@cache
def phrases_of(family: str) -> tuple[list, list, list]:
    """Return a family's nouns, adjectives and details, each with what it names."""
    nouns, adjectives, details = [], [], []
    for entry in entries_of(family):
        for phrase in entry.phrases:
            if phrase[0] == "=":
                nouns.append((phrase[1:], entry.named))
            elif phrase[-1] == "~":
                adjectives.append((phrase[:-2].strip(), entry.named))
            else:
                details.append((phrase, entry.named))
    return nouns, adjectives, details


# ---- a text --------------------------------------------------------------------------------------

_LINKS = (
    "with; with; that has; having; featuring; and it has; which has; that got; but with; plus; it"
    " has; it should have; and; ,; made with; where it has; whose look is; including"
)
LINKS = tuple(_LINKS.split("; "))
_DENIALS = (
    "no {}; without {}; without any {}; no {} please; not with {}; minus the {}; it has no {};"
    " does not have {}; i don't want {}; don't want any {}; skip the {}; leave off the {}; lose"
    " the {}; it isn't with {}; there should be no {}; sans {}; but not with {}; should not have"
    " {}; doesn't need {}; never with {}; zero {}; free of {}; {} not needed; {}: none; w/o {};"
    " not any {}; never any {}; has not got {}; hasn't got {}; omit the {}; remove the {}; {}"
    " removed; neither {}; without the {}; no {} at all; no {} on it; not a single {}; i would not"
    " like {}; instead of {}; do not add {}; leave out the {}; without its {}; drop the {}; can do"
    " without {}; no place for {}"
)
DENIALS = tuple(_DENIALS.split("; "))
_REFUSALS = (
    "not {}; not a {} one; but not {}; it isn't {}; not too {}; i don't want it {}; never {}"
)
REFUSALS = tuple(_REFUSALS.split("; "))
_CONNECTIVES = (
    "and a; with a; next to a; on a; under a; on top of a; beside a; plus a; and; in front of a;"
    " sitting on a; near a; behind a; inside a"
)
CONNECTIVES = tuple(_CONNECTIVES.split("; "))
_ENDINGS = (
    "for my {}; for the {}; for a {}; in the {}; like in {}; from {}; in {} style; near the {};"
    " made by {}; for {}; like the {}; to go with my {}; in the style of {}; from the {}; by the"
    " {}; as in {}"
)
ENDINGS = tuple(_ENDINGS.split("; "))
_ADVERBS = "very; really; quite; extra; super; rather; so; pretty; a bit; too"
ADVERBS = tuple(_ADVERBS.split("; "))
_MEASURES = (
    "{} cm high; {} x {} cm; {} m long; {} inches tall; {} x {} x 30; size {}; approx. {} wide;"
    " version {}; {} percent; in {} days; {} mm"
)
MEASURES = tuple(_MEASURES.split("; "))
_STYLES = (
    "low poly; cute; modern; old; vintage; rustic; fancy; cheap; realistic; minimalist; antique;"
    " simple; cartoon; voxel; medieval; futuristic; cosy; comfy; small; big; large; tiny; huge;"
    " nice; giant; classic; elegant; photorealistic; scandinavian; victorian; industrial;"
    " handmade; printable; stackable; broken; new; dirty; clean; expensive; magic; toy; art deco;"
    " retro; famous; haunted; traditional; heavy; strange"
)
STYLES = tuple(_STYLES.split("; "))
COLOUR_WORDS = [*SYNONYMS, *(word for words in SYNONYMS.values() for word in words)]
COLOUR_WORDS += [
    "wooden",
    "wood",
    "leather",
    "plastic",
    "dark green",
    "navy blue",
    "light blue",
] * 4
COLOUR_WORDS += ["red", "blue", "green", "black", "white", "yellow", "brown", "grey", "metal"] * 6


def speech(
    count: int, seed: int, strange: Sequence[str], classes: Sequence[str] = CLASSES
) -> list[Spoken]:
    """Make texts with what they name.

    Args:
        count: Number of texts.
        seed: Another seed makes other texts.
        strange: Words that mean nothing here, to be put in now and then.
        classes: The families.
    """
    draws = Draws("speech", seed)
    speaker = _Speaker(draws, list(strange) or ["thing"], tuple(classes))
    return [speaker.text(classes[number % len(classes)]) for number in range(count)]


class _Speaker:
    """Makes one text after the other; every method draws."""

    def __init__(self, draws: Draws, strange: list[str], classes: tuple[str, ...]):
        self.draws, self.strange, self.classes = draws, strange, classes
        self.outside = OUTSIDE
        self.fillers = FILLERS
        self.pick, self.chance = draws.pick, draws.chance

    def text(self, family: str) -> Spoken:
        if self.chance(0.12):
            return Spoken(self.finished(self.nothing()), (), {})
        text, named = self.about(family)
        families: tuple[str, ...] = (family,)
        if self.chance(0.08):
            other = self.pick(*(name for name in self.classes if name != family))
            noun = self.plural(self.pick(*phrases_of(other)[0])[0])
            extra = f"{self.colour()} {noun}" if self.chance(0.3) else noun
            text = f"{text} {self.pick(*CONNECTIVES)} {extra}"
            families = (family, other)
        elif self.chance(0.12):
            what = self.pick(*self.strange, *self.outside)
            if self.chance(0.5):
                what = self.pick(*phrases_of(self.pick(*self.classes))[0])[0]
            text = f"{text} {self.pick(*ENDINGS).format(what)}"
        for attribute, values in list(named.items()):
            if attribute in IMPLIED.get(family, {}):
                absent, implied, all_of = IMPLIED[family][attribute]
                if absent not in values:
                    named.setdefault(implied, all_of)
        return Spoken(self.finished(text), families, named)

    # ---- parts of a text

    def nothing(self) -> str:
        """A text that names no family."""
        thing = self.pick(*self.outside)
        if self.chance(0.35):
            thing = " ".join(self.pick(*self.strange) for _ in range(self.draws.whole(1, 3)))
        if self.chance(0.3):
            thing = f"{self.pick(*STYLES, *COLOUR_WORDS)} {thing}"
        if self.chance(0.25):
            detail = self.pick(*phrases_of(self.pick(*self.classes))[2])[0]
            thing = f"{thing} {self.pick(*LINKS)} {detail}"
        elif self.chance(0.3):
            thing = f"{thing} {self.pick(*CONNECTIVES)} {self.pick(*self.outside, *self.strange)}"
        return f"a {thing}" if self.chance(0.5) else thing

    def about(self, family: str) -> tuple[str, Named]:
        """A text about a family, and what it names."""
        nouns, adjectives, details = phrases_of(family)
        named: Named = {}
        noun = family
        if self.chance(0.85):
            noun, new = self.pick(*nouns)
            named |= new
        before, after = [], []
        for _ in range(self.pick(0, 0, 0, 1, 1, 2)):
            phrase, new = self.pick(*adjectives) if adjectives else ("", {})
            if phrase and not named.keys() & new.keys():
                named |= new
                adverb = f"{self.pick(*ADVERBS)} " if self.chance(0.15) else ""
                (before if self.chance(0.7) else after).append(adverb + phrase)
        for _ in range(self.pick(0, 1, 1, 1, 2, 2, 3)):
            phrase, new = self.pick(*details)
            if named.keys() & new.keys():
                continue
            named |= new
            after.append(self.detail(phrase))
        if self.chance(0.12):
            after.append(self.wrong_count(family, named))
        if self.chance(0.15):
            part = self.pick(*_plain_parts(family))
            after.append(self.pick(f"{self.colour()} {part}", f"{part} {self.colour()}"))
        if self.chance(0.2):  # a thatched roof, when the phrases know steep ones
            part = self.pick(*_plain_parts(family))
            after.append(f"{self.pick('a ', 'the ', '')}{self.pick(*STYLES, *self.strange)} {part}")
        if self.chance(0.06):
            what = self.pick(*_plain_parts(family), *self.strange)
            after.append(self.pick(*DENIALS).format(what))
        if self.chance(0.04) and adjectives:  # what it is not names nothing
            after.append(self.pick(*REFUSALS).format(self.pick(*adjectives)[0]))
        if self.chance(0.05):
            after.append(
                self.pick(*MEASURES).format(self.draws.whole(2, 300), self.draws.whole(2, 99))
            )
        if self.chance(0.3):
            before.insert(
                0, self.pick(*STYLES, *self.strange) if self.chance(0.5) else self.colour()
            )
        if self.chance(0.2):
            before.append(self.colour())
        return self.assembled(self.plural(noun), before, after), named

    def colour(self) -> str:
        return self.pick(*COLOUR_WORDS)

    def plural(self, noun: str) -> str:
        """Sometimes several of it: the count is not what the text is about."""
        if not self.chance(0.15) or noun.endswith("s"):
            return noun
        many = re.sub(
            "([^f])fs$", r"\1ves", noun + ("es" if noun.endswith(("ch", "sh", "x")) else "s")
        )
        many = many.replace("elfs", "elves")
        return f"{self.pick(*NUMBERS[1:5], 'some', 'a few')} {many}" if self.chance(0.4) else many

    def detail(self, phrase: str) -> str:
        """A detail in other words: its article, its colour, its order."""
        draws, pick = self.draws, self.pick
        if phrase.startswith("no ") and self.chance(0.75):
            return pick(*DENIALS).format(phrase[3:])
        words = phrase.split()
        if words[0] in ("a", "an", "the") and self.chance(0.4):
            words = (
                words[1:] if self.chance(0.6) else [pick("the", "its", "one", "some"), *words[1:]]
            )
        if words[0] in DIGITS and self.chance(0.4):
            words[0] = DIGITS[words[0]]
        if self.chance(0.18) and words[0] != "no":
            place = len(words) - 1
            for link in (
                "on",
                "in",
                "at",
                "of",
                "that",
                "for",
                "to",
                "with",
                "under",
                "below",
                "like",
            ):
                if link in words[1:]:
                    place = min(place, words.index(link, 1) - 1)
            words.insert(max(place, 0), self.colour())
        elif (
            len(words) == 2
            and words[0] not in (*DIGITS, *DIGITS.values(), "no")
            and draws.chance(0.2)
        ):
            return pick("{1} {0}", "{1}: {0}", "the {1} is {0}", "{1} should be {0}").format(*words)
        elif len(words) > 1 and self.chance(0.07) and words[0] not in (*DIGITS, "no"):
            words.insert(int(words[0] in ("a", "an", "the", "its")), pick(*ADVERBS, *self.strange))
        return " ".join(words)

    def wrong_count(self, family: str, named: Named) -> str:
        """Six legs where there can be three or four: names nothing."""
        counted = counted_things(family)
        thing = self.pick(*counted) if counted else "thing"
        wrong = [n for n in NUMBERS if n not in counted.get(thing, ())]
        number = self.pick(*wrong)
        return f"{DIGITS[number] if self.chance(0.5) else number} {thing}"

    def assembled(self, noun: str, before: list[str], after: list[str]) -> str:
        """A sentence, a list or a heap of words."""
        pick = self.pick
        thing = " ".join([*before, noun])
        form = self.draws.between(0.0, 1.0)
        if form < 0.5 or not after:
            article = pick("a", "a", "the", "", "some", "one", "this", "my")
            link = f" {pick(*LINKS)} {pick(' and ', ', ', ' and with ', ', and ').join(after)}"
            return f"{article} {thing}{link if after else ''}"
        if form < 0.75:
            items = [noun, *before, *after]
            if self.chance(0.4):
                items = sorted(items, key=lambda _: self.draws.between(0.0, 1.0))
            return pick(", ", ", ", " / ", " | ", "; ", " + ", ". ", " - ").join(items)
        if form < 0.85:
            return f"{', '.join(after)}{pick(', ', ': ', ' - ', ', a ')}{thing}"
        if form < 0.95:
            return f"{thing}{pick('. ', ' that is ', ' thats ', '. it has ')}{' '.join(after)}"
        return " ".join([thing, *after] if self.chance(0.6) else [*after, thing])

    def finished(self, text: str) -> str:
        """Fillers around it, and slips."""
        if self.chance(0.35):
            text = f"{self.pick(*self.fillers)} {text}"
        if self.chance(0.12):
            text = f"{self.pick(*self.fillers)} {text}"
        if self.chance(0.15):
            text = f"{text}{self.pick(' ', ', ', '. ')}{self.pick(*self.fillers)}"
        if self.chance(0.25):
            text = " ".join(self.slip(word) for word in text.split(" "))
        return text.strip()

    def slip(self, word: str) -> str:
        """A word with a slip of the keyboard, now and then."""
        if len(word) < 5 or not self.chance(0.08):
            return word
        k = self.draws.whole(1, len(word) - 2)
        return self.pick(
            word[:k] + word[k + 1 :],
            word[:k] + word[k] + word[k:],
            word[:k] + word[k + 1] + word[k] + word[k + 2 :],
        )


_PLACES = ("below", "underneath", "up", "down", "on", "height", "rear", "front", "inside")


@cache
def _plain_parts(family: str) -> tuple[str, ...]:
    """The words for a family's parts that name nothing by themselves."""
    _, adjectives, details = phrases_of(family)
    alone = {re.sub("^(a|an|the|its) ", "", phrase) for phrase, _ in (*adjectives, *details)}
    words = [word for words in PARTS[family].values() for word in words]
    plain = re.compile(r"an? \w+ (\w+)")  # a steep roof
    words += [match[1] for phrase, _ in details if (match := plain.fullmatch(phrase))]
    alone |= {*CLASSES, *_PLACES}
    return tuple(dict.fromkeys(word for word in words if word not in alone))


@cache
def counted_things(family: str) -> dict[str, set[str]]:
    """Return the things of a family that are counted, each with the numbers that a phrase knows.

    Args:
        family: One of `CLASSES`.
    """
    found: dict[str, set[str]] = {}
    for phrase, _ in phrases_of(family)[2]:
        number, _, thing = phrase.partition(" ")
        if number in DIGITS and thing and " " not in thing:
            found.setdefault(thing, set()).add(number)
    return found
