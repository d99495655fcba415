"""The words of a text as people type them, evened out: "w/out arms" is without, arms.

A `Word` knows where it stands in the text, so that an answer can name it as it was typed. Numbers
become digits, contractions their words, and a break stands where a phrase ends. `Spelling` mends
slips. The reader of `models.reading` reads these words.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from course_utils.networks.words import INVISIBLE, split

BREAK = ""  # the text of a word that is no word: here a phrase ends
MANY = "many"  # any number above 9


class Word(NamedTuple):
    """A word in lower case, or `BREAK`, and the characters of the text that it stands for."""

    text: str
    start: int
    end: int


_DIGITS = "zero one two three four five six seven eight nine"
_MANY = "ten eleven twelve dozen hundred several lots loads dozens plenty"
_NUMBERS = dict.fromkeys(_MANY.split(), MANY) | {
    name: str(number) for number, name in enumerate(_DIGITS.split())
}
_SHORT = {
    "w": "with", "wit": "with", "wth": "with", "wo": "without", "u": "you", "r": "are",
    "ur": "your", "n": "and", "pls": "please", "plz": "please", "thx": "thanks", "im": "i",
    "ive": "i", "id": "i", "thats": "that", "its": "it", "thatll": "that", "dont": "not",
    "doesnt": "not", "isnt": "not", "arent": "not", "wont": "not", "cant": "not", "didnt": "not",
    "aint": "not", "havent": "not", "hasnt": "not", "wouldnt": "not", "shouldnt": "not",
    "wanna": "want", "gonna": "going", "gimme": "give", "lemme": "let", "sans": "without",
    "colour": "color", "coloured": "colored", "colours": "colors", "gray": "grey",
    "center": "middle", "centre": "middle", "centred": "middle", "centered": "middle",
    "pair": "2", "couple": "2", "twin": "2", "twins": "2", "double": "double", "quad": "4",
    "tyres": "tires", "tyre": "tire", "storeys": "storeys", "stories": "storeys",
    "story": "storey", "aluminum": "aluminium", "an": "a", "nope": "no", "nor": "neither",
    "antennae": "antennas", "aerial": "antenna", "aerials": "antennas",
}  # fmt: skip
_COMPARED = (
    "tall high low big large small long short wide narrow thick thin fat round broad slim flat deep"
    " steep chunky skinny pointy curvy slender sturdy stout boxy shallow huge tiny"
)
_DOUBLED = "bdgmnpt"  # big, bigger


def _comparatives(word: str) -> tuple[str, str]:
    """The comparative and the superlative of an adjective."""
    stem = word[:-1] + "i" if word.endswith("y") else word.removesuffix("e")
    if len(word) < 5 and word[-1] in _DOUBLED and word[-2] in "aeiou" and word[-3] not in "aeiou":
        stem += word[-1]
    return stem + "er", stem + "est"


_SHORT |= {form: word for word in _COMPARED.split() for form in _comparatives(word)}
_SHORT |= {
    "tal": "tall", "tre": "tree", "carr": "car", "dogg": "dog", "blu": "blue", "rey": "grey",
    "tai": "tail", "sai": "sail", "wite": "white", "blak": "black", "grn": "green", "blk": "black",
    "wht": "white", "brwn": "brown", "lil": "little", "smol": "small", "hella": "very",
    "cozy": "cosy", "mid": "middle", "sm": "small", "lg": "large", "xl": "large",
}  # fmt: skip
_TOKEN = re.compile(
    r"#[0-9a-fA-F]{6}\b"
    r"|\bw/(?:out|o)\b|\bw/(?=\s|$)"
    r"|[^\W\d_]+(?:['’`´][^\W\d_]+)*"
    r"|\d+(?:[.,]\d+)*"
    r"|[,;:.!?/|()\[\]{}+&*=–—•…\n-]"
    r"|[^\s]",
    re.IGNORECASE,
)
_AND = "+&"
_JOINING = "-–—"  # between letters: four-legged; beside a blank a phrase ends


def typed_words(text: str) -> list[Word]:
    """Return the words and the breaks of a text; it may be any text.

    Args:
        text: As typed.
    """
    found: list[Word] = []
    for match in _TOKEN.finditer(re.sub(f"[{INVISIBLE}]", " ", text)):
        start, end = match.span()
        found.extend(Word(word, start, end) for word in _evened(match[0], text, start, end))
    return found


def _evened(token: str, text: str, start: int, end: int) -> list[str]:
    """The words that a token stands for."""
    low = unicodedata.normalize("NFKC", token).lower()
    if low in ("w/", "w/out", "w/o"):
        return ["with" if low == "w/" else "without"]
    if low in _AND:
        return ["and"]
    if not any(one.isalnum() for one in low):
        joins = (
            low in _JOINING and text[start - 1 : start].isalnum() and text[end : end + 1].isalnum()
        )
        if joins or low in "'\"`´’‘“”":
            return []
        named = not low.isascii() and unicodedata.category(low[0])[0] == "S"
        return [low] if named else [BREAK]  # a sign such as an emoji is a word that nobody knows
    if low.startswith("#") and len(low) == 7:
        return [low]
    if low[0].isdigit():
        return [low if low.isdigit() and len(low) == 1 else MANY]
    low = re.sub("[’`´]", "'", low)
    if low.endswith("n't"):
        return ["not"]
    low = low.split("'")[0]
    low = "".join(
        one for one in unicodedata.normalize("NFD", low) if not unicodedata.combining(one)
    )
    return [_NUMBERS.get(low, _SHORT.get(low, low))] if split(low) else []


class Spelling:
    """Mends the spelling of words towards words that are known.

    Args:
        known: Words to mend towards, the likelier ones first.
        right: Other words that are spelt right and stay as they are.
    """

    def __init__(self, known: Iterable[str], right: Iterable[str]):
        self.known = list(dict.fromkeys(word for word in known if word.isascii()))
        self._whole = set(self.known)
        self._right = set(right)
        self._skeletons = {word: _skeleton(word) for word in self.known}

    def mended(self, words: list[Word]) -> list[Word]:
        """Return the words with slips mended and joined words split."""
        result: list[Word] = []
        for word in words:
            result += self._one(word)
        return result

    def _one(self, word: Word) -> list[Word]:
        text = word.text
        if len(text) < 3 or text in self._whole or not text.isascii() or not text.isalpha():
            return [word]
        for stem in _stems(text):
            if stem in self._whole:
                return [word if text in self._right else word._replace(text=stem)]
        if text in self._right:
            return [word]
        for place in range(3, len(text) - 2):
            if text[:place] in self._whole and text[place:] in self._whole:
                return [word._replace(text=text[:place]), word._replace(text=text[place:])]
        near = self._nearest(text)
        return [word._replace(text=near)] if near else [word]

    def _nearest(self, text: str) -> str | None:
        """The known word that is spelt most alike, if one is alike enough."""
        bones, best = _skeleton(text), (9.0, "")
        once = re.sub(r"(.)\1", r"\1", text)  # a letter typed twice
        most = 1 if len(text) < 5 else 2
        for rank, word in enumerate(self.known):
            if abs(len(word) - len(text)) > most or len(word) < 3:
                continue
            distance = edits(text, word, most)
            if distance > most:
                continue
            alike = bones == self._skeletons[word]
            plausible = alike and (len(text) > 5 or text[:2] == word[:2])
            if distance == 2 and len(text) < 7 and not plausible:
                continue
            if not _begins_alike(text, word):
                continue
            cost = distance - 0.6 * alike + 0.3 * (text[0] != word[0]) + 1e-5 * rank
            cost -= 0.2 * (once == word)
            best = min(best, (cost, word))
        return best[1] or None


_ROWS = "qwertyuiop", "asdfghjkl", "zxcvbnm"


def _begins_alike(typed: str, word: str) -> bool:
    """Whether a word may have been meant although another letter begins it: not silla for villa.

    It may if the first two letters are swapped, one is missing or too many, or the keys adjoin.
    """
    one, two = typed[0], word[0]
    if one == two or one in word[1:2] or two in typed[1:2]:
        return True
    spots = {letter: (k + r / 2, r) for r, row in enumerate(_ROWS) for k, letter in enumerate(row)}
    (x, y), (u, v) = spots[one], spots[two]
    return abs(x - u) <= 1 and abs(y - v) <= 1


def _stems(word: str) -> list[str]:
    """The word without the ending of a plural, a participle or a comparative."""
    ends = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ish", ""))
    return [word[: -len(end)] + new for end, new in ends if word.endswith(end) and len(word) > 4]


def _skeleton(word: str) -> str:
    """The consonants of a word, those that sound alike as one, doubles once."""
    plain = (
        word.replace("ph", "f")
        .replace("ck", "k")
        .replace("wh", "w")
        .translate(str.maketrans("cqz", "kks"))
    )
    plain = re.sub(r"(.)\1", r"\1", plain)
    return plain[:1] + re.sub("[aeiouyhw]", "", plain[1:])


def edits(one: str, two: str, most: int) -> int:
    """Return how many letters differ: inserted, left out, replaced, or two swapped.

    Args:
        one: A word.
        two: A word.
        most: A distance above this may be any number above it.
    """
    before, last = [], list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(two, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]
