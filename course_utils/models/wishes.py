"""What a model is asked for on behalf of a prompt: the door of all that makes a shape for a person.

`wish_of` takes any sentence, which `reading` reads; `check_prompt` tells whether a text is in a
model's own words.

The sampler below this door takes the empty text as "nothing said", which guidance needs; a person
who types nothing, or nothing that the model makes, gets a message and no shape. The site's page has
the same rules (`docs/web/live/wishes.js`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from course_utils.datasets.captions.facts import ENTRIES, Named, sayable
from course_utils.datasets.captions.grammar import DIGITS, LONGEST, caption_of
from course_utils.datasets.shapes import CLASSES
from course_utils.models.config import Config
from course_utils.models.reading import Reading, nearest_family, read
from course_utils.networks.text import Vocabulary
from course_utils.networks.words import named, shown, split

DETAIL = ""  # what a phrase names that has a family's name in it: a bedside table


def nouns_of(config: Config) -> dict[str, str]:
    """Return what texts may call each family that a model makes: {"floor lamp": "lamp"}.

    Phrases that have such a noun in them and name a part of another shape stand for `DETAIL`. Empty
    for a model of which no family can be named in its words.
    """
    nouns = {" ".join(split(name)): name for name in config.classes}
    others = []
    for family in (name for name in config.classes if name in ENTRIES):
        for phrase in (phrase for entry in ENTRIES[family] for phrase in entry.phrases):
            words = split(phrase.strip("=~"))
            if phrase[0] == "=":
                nouns[" ".join(words)] = family
                nouns[" ".join(DIGITS.get(word, word) for word in words)] = family
            else:
                others.append(" ".join(words[words[0] in ("a", "an", "no") :]))
    single = {noun for noun in nouns if " " not in noun}
    nouns |= {other: DETAIL for other in others if single & set(other.split())}
    known = set(config.words)
    return {noun: family for noun, family in nouns.items() if set(noun.split()) <= known}


def families_in(words: Sequence[str], nouns: dict[str, str]) -> dict[str, str]:
    """Return the families that a text names, in its order, each with the noun that names it first.

    Where the text names details alone, they may be families after all: a bedside table is a table.

    Args:
        words: Of the text.
        nouns: Of `nouns_of`.
    """
    longest = max((len(noun.split()) for noun in nouns), default=0)
    found, place = {}, 0
    while place < len(words):
        for end in range(place + longest, place, -1):
            if (noun := " ".join(words[place:end])) in nouns:
                found.setdefault(nouns[noun], noun)
                place += len(noun.split()) - 1
                break
        place += 1
    if found.pop(DETAIL, None) is None or found:
        return found
    return families_in(words, {noun: family for noun, family in nouns.items() if family != DETAIL})


def class_of(classes: Sequence[str], prompt: str) -> str | None:
    """Return the class that a prompt names: "Chair!" is chair; None if there is not just one.

    Args:
        classes: Of a config.
        prompt: What was asked for.
    """
    if prompt in classes or not isinstance(prompt, str):
        return prompt if prompt in classes else None
    alike = [name for name in classes if split(prompt) == split(name) != []]
    return alike[0] if len(alike) == 1 else None


def family_of(config: Config, prompt: str) -> str | None:
    """Return the family that a prompt names, one of the config's classes; None if not just one.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompt: One that `check_prompt` accepts.
    """
    if not config.words:
        return class_of(config.classes, prompt)
    families = list(families_in(split(prompt), nouns_of(config)))
    return families[0] if len(families) == 1 else None


def asked_of(config: Config, prompt: str) -> tuple[str | None, Named]:
    """Return the family and the facts that a model is asked for; None and {} for the empty text.

    Args:
        config: Of a model that is told facts, or of classes, which is told its class alone.
        prompt: One that `check_prompt` accepts, or empty.

    Raises:
        ValueError: As `check_prompt`.
    """
    if prompt == "":
        return None, {}
    check_prompt(config, prompt)
    if named := class_of(config.classes, prompt):
        return named, {}
    reading = read(prompt)
    return reading.family, sayable(reading.family, reading.facts)


def check_prompt(config: Config, prompt: str) -> None:
    """Raise ValueError for a prompt that the model does not understand; it says what is possible.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompt: One of the config's classes; for a model that is told facts any text that names one;
            for a model that reads texts one that has only known words and names one family.
    """
    if not isinstance(prompt, str):
        raise ValueError(f"prompt is {prompt!r}; expected a text")
    if config.told == "facts":
        if class_of(config.classes, prompt) is None:
            reading = read(prompt)
            if reading.family not in config.classes:
                raise NotMade(config, reading)
        return
    makes = ", ".join(config.classes)
    if not config.words:
        if class_of(config.classes, prompt) is None:
            raise ValueError(f"the model knows no '{shown(prompt)}'; it makes: {makes}")
        return
    unknown = Vocabulary(config.words).unknown([prompt])
    if unknown:
        raise ValueError(
            f"unknown word: {named(unknown, config.words)}; the model knows {len(config.words)}"
            f" words and makes: {makes}"
        )
    words, nouns = split(prompt), nouns_of(config)
    families = [
        family if noun == family else f"{family} ({noun})"
        for family, noun in families_in(words, nouns).items()
    ]
    if not families and (nouns or not words):
        raise ValueError(f"no family in '{shown(prompt)}'; name one that the model makes: {makes}")
    if len(families) > 1:
        raise ValueError(f"the text names {' and '.join(families)}; name one: a shape is of one")
    if len(words) > LONGEST:
        raise ValueError(f"the text has {len(words)} words; at most {LONGEST} are read")


# ---- any sentence --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What a model is asked for on behalf of a prompt.

    Attributes:
        text: In the model's own words: a class, a caption, or for a model that is told facts the
            prompt itself.
        family: Of the shape; None for a model of other things than ours.
        facts: What the model is told beside it.
        reading: What the prompt asks for; None where it is the name of a class.
        nearest: The family that is made in the place of one that the prompt does not name, or that
            the model lacks.
        undone: What was understood and this model cannot do: its words say no such thing, or it
            knows no such parts.
    """

    text: str
    family: str | None = None
    facts: Named = field(default_factory=dict)
    reading: Reading | None = None
    nearest: str | None = None
    undone: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """One line: what was understood, what cannot be made, what is made in its place."""
        parts = [self.reading.answer] if self.reading else []
        parts += [f"this model cannot do: {', '.join(self.undone)}"] if self.undone else []
        parts += [f"making the nearest, {_one(self.nearest)}"] if self.nearest else []
        return "; ".join(parts)


def wish_of(config: Config, prompt: str, nearest: bool = False) -> Wish:
    """Return what a model is asked for on behalf of a prompt, which may be any sentence.

    A text that the model itself understands stays as it is; of any other the family and the facts
    that were read become a caption in the model's words. A model of other things than ours takes
    its own words only (`check_prompt`).

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompt: What was asked for.
        nearest: Make the nearest family where none is understood, or one that the model lacks.

    Raises:
        NotMade: If no family is understood, or the model does not make it; it says what the model
            makes, and what is nearest.
        ValueError: If it is no text, or one that a model of other things does not know.
    """
    if not isinstance(prompt, str) or not reads(config):
        check_prompt(config, prompt)
        return Wish(prompt)
    if not config.words and (named := class_of(config.classes, prompt)):
        return Wish(named, named)
    reading = read(prompt)
    if config.words and understands(config, prompt):
        return Wish(prompt, family_of(config, prompt), reading=reading)
    if reading.family in config.classes:
        family, text, told = reading.family, reading.family, {}
        if config.words:
            text, told = caption_of(family, reading.facts, config.words)
        elif config.told == "facts":
            text, told = prompt, sayable(family, reading.facts)
        undone = [
            f"{name.replace('_', ' ')} {' or '.join(map(str, values))}"
            for name, values in reading.facts.items()
            if not set(told.get(name, ())) & set(values)
        ]
        return Wish(text, family, told, reading, undone=tuple(undone))
    missing = NotMade(config, reading)
    near = missing.nearest
    if not nearest or near is None:
        raise missing
    text = caption_of(near, {}, config.words)[0] if config.words else near
    return Wish(text, near, reading=reading, nearest=near)


class NotMade(ValueError):
    """A text names no family that a model makes.

    Args:
        config: The model's.
        reading: What the text asks for.

    Attributes:
        nearest: The family that the model makes and that is most like the text's words, or None.
    """

    def __init__(self, config: Config, reading: Reading):
        self.nearest = nearest_family(reading.text, config.classes)
        hint = f"; the nearest is {_one(self.nearest)}" if self.nearest else ""
        makes = f"{', '.join(config.classes)}{hint}"
        if reading.family is None:
            asked = f"no family in '{shown(reading.text)}'; name one that the model makes"
        else:
            asked = f"the model cannot make {_one(reading.family)}; it makes"
        super().__init__(f"{asked}: {makes}")


def _one(family: str) -> str:
    """Return a family with its article."""
    return f"{'an' if family[0] in 'aeiou' else 'a'} {family}"


def materials_of(wish: Wish, slots: Collection[str]) -> tuple[dict[str, str], Wish]:
    """Return the materials that a prompt asks for, of a shape's slots, and the wish with the rest.

    A shape of one slot takes one material for all of it. What no slot takes is `undone`.

    Args:
        wish: Of `wish_of`.
        slots: Names of the slots of what is made.
    """
    asked = {} if wish.reading is None else wish.reading.materials
    if len(slots) == 1 and not set(asked) & set(slots) and len(set(asked.values())) == 1:
        return dict.fromkeys(slots, *set(asked.values())), wish
    left = tuple(f"{slot} {name}" for slot, name in asked.items() if slot not in slots)
    taken = {slot: name for slot, name in asked.items() if slot in slots}
    return taken, replace(wish, undone=wish.undone + left)


def reads(config: Config) -> bool:
    """Return whether any sentence will do for a model: its classes are families of ours.

    Args:
        config: Of `checkpoints.load_checkpoint`.
    """
    return set(config.classes) <= set(CLASSES) and (not config.words or bool(nouns_of(config)))


def understands(config: Config, prompt: str) -> bool:
    """Return whether a model takes a prompt as it is, see `check_prompt`."""
    try:
        check_prompt(config, prompt)
    except ValueError:
        return False
    return True
