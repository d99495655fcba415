r"""Which words a text has: one rule for captions, prompts, and the site's page (`live/words.js`).

Whatever stands between white space and punctuation is a word, in any script, so nothing that was
typed can get lost. `tests/networks/texts.json` holds examples that Python and JavaScript both read.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

WHITE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# says nothing: full stops, quotes, brackets, dashes and their like
PUNCTUATION = (
    r".,;:!?…¡¿·،؛؟、。．，：；！？"
    r"\"'`´‘’‚‛“”„‟«»‹›＂＇()\[\]{}（）［］｛｝「」『』【】〈〉《》\-‐‑‒–—―−－"
)
INVISIBLE = "\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # invisible too, but part of how an emoji is written
OTHER_FORMS = "\uff01-\uff5e\ufb00-\ufb06"  # full-width letters, and ligatures: the same words
INNER = r"\-‐‑'’´`.－＇"  # what may stand inside of a token: T-shirt, don't
LONGEST_SHOWN = 80  # characters of a token or a text in a message
MOST_NAMED = 8  # tokens that a message names one by one
LONGEST_NEAR = 40  # letters of a word for which similar ones are looked for

_LETTER = f"[^{WHITE}{PUNCTUATION}]"
_TOKEN = re.compile(rf"{_LETTER}+(?:(?:[{INNER}]|(?<=[0-9])[,:](?=[0-9])){_LETTER}+)*")
# 1.5 and 1,000 are one word each
_BETWEEN = re.compile(r"[-‐‑'’´`－＇]|(?<![0-9])[.,:]|[.,:](?![0-9])")


def tokens_of(text: str) -> list[str]:
    """Return what stands between white space and punctuation, as it was typed."""
    return _TOKEN.findall(re.sub(f"[{INVISIBLE}]", "", text))


def words_of(token: str) -> list[str]:
    """Return the words of a token, in lower case: T-shirt is t and shirt.

    Only forms that read the same are replaced: "№" is not "no", nor "²" the number 2.
    """
    plain = re.sub(f"[{JOINERS}]", "", token)
    plain = re.sub(f"[{OTHER_FORMS}]", lambda one: unicodedata.normalize("NFKC", one[0]), plain)
    tokens = tokens_of(unicodedata.normalize("NFC", unicodedata.normalize("NFC", plain).lower()))
    return [word for part in tokens for word in _BETWEEN.split(part) if word]


def split(text: str) -> list[str]:
    """Return the words of a text, in lower case."""
    return [word for token in tokens_of(text) for word in words_of(token)]


def shown(text: str) -> str:
    """Return a text as a message quotes it: cut if it is long, and `visible`."""
    return visible(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…")


def visible(text: str) -> str:
    """Return a text with codes in the place of what a terminal would obey or not show."""
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    harmless = unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    if harmless or character in JOINERS:
        return character
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 2**16 else f"\\U{code:08x}"
    )


def named(tokens: Sequence[str], words: Iterable[str]) -> str:
    """Return tokens for a message, each whole and with known words that are spelt alike.

    Args:
        tokens: Of `tokens_of`; the first few are named, the others counted.
        words: Those that are known.
    """
    known = list(words)
    told = [shown(token) + _near(token, known) for token in tokens[:MOST_NAMED]]
    more = len(tokens) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _near(token: str, known: list[str]) -> str:
    unknown = [word for word in words_of(token) if word not in known and len(word) <= LONGEST_NEAR]
    near = [other for word in unknown for other in get_close_matches(word, known, cutoff=0.7)]
    return f" (near: {', '.join(dict.fromkeys(near))})" if near else ""
