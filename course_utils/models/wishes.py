"""What a model is asked for on behalf of a prompt: the door of all that makes a shape for a person.

`wish_of` takes any sentence, which `reading` reads; `asked_of` says what a model is then told.

The sampler below this door takes the empty text as "nothing said", which guidance needs; a person
who types nothing, or nothing that the model makes, gets a message and no shape. The site's page has
the same rules (`docs/web/live/wishes.js`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from course_utils.datasets.captions.facts import Named, sayable
from course_utils.datasets.shapes import CLASSES
from course_utils.models.config import Config
from course_utils.models.reading import Reading, nearest_family, read
from course_utils.networks.words import shown, split


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


def asked_of(config: Config, prompt: str) -> tuple[str | None, Named]:
    """Return the class and the facts that a model is told; None and {} for the empty text.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompt: One of the config's classes; for a model that is told facts any text that names one.

    Raises:
        ValueError: If it is no text, or the model does not make what it asks for; it says what is
            possible.
    """
    if not isinstance(prompt, str):
        raise ValueError(f"prompt is {prompt!r}; expected a text")
    facts = config.told == "facts"
    if facts and prompt == "":
        return None, {}
    if named := class_of(config.classes, prompt):
        return named, {}
    if not facts:
        makes = ", ".join(config.classes)
        raise ValueError(f"the model knows no '{shown(prompt)}'; it makes: {makes}")
    reading = read(prompt)
    if reading.family not in config.classes:
        raise NotMade(config, reading)
    return reading.family, sayable(reading.family, reading.facts)


# ---- any sentence --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What a model is asked for on behalf of a prompt.

    Attributes:
        text: What the model takes: a class, or for a model that is told facts the prompt itself.
        family: Of the shape: one of the model's classes.
        facts: What the model is told beside it.
        reading: What the prompt asks for; None where it is the name of a class.
        nearest: The family that is made in the place of one that the prompt does not name, or that
            the model lacks.
        undone: What was understood and this model cannot do: it is told no such thing, or it knows
            no such parts.
    """

    text: str
    family: str
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


def wish_of(config: Config, prompt: str, nearest: bool = False) -> Wish:
    """Return what a model is asked for on behalf of a prompt, which may be any sentence.

    A model of other things than ours takes the names of its classes only.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompt: What was asked for.
        nearest: Make the nearest family where none is understood, or one that the model lacks.

    Raises:
        NotMade: If no family is understood, or the model does not make it; it says what the model
            makes, and what is nearest.
        ValueError: If it is no text, or one that a model of other things does not know.
    """
    if named := class_of(config.classes, prompt):
        return Wish(named, named)
    if not isinstance(prompt, str) or not reads(config):
        return Wish(prompt, asked_of(config, prompt)[0])
    reading = read(prompt)
    family = reading.family
    if family not in config.classes:
        missing = NotMade(config, reading)
        near = missing.nearest
        if not nearest or near is None:
            raise missing
        return Wish(near, near, reading=reading, nearest=near)
    facts = sayable(family, reading.facts) if config.told == "facts" else {}
    undone = [
        f"{name.replace('_', ' ')} {' or '.join(map(str, values))}"
        for name, values in reading.facts.items()
        if not set(facts.get(name, ())) & set(values)
    ]
    text = prompt if config.told == "facts" else family
    return Wish(text, family, facts, reading, undone=tuple(undone))


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
    return set(config.classes) <= set(CLASSES)
