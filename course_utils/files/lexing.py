"""Words and numbers of text formats, however the writing program spells them.

`decoded` and `plain` take off what differs between programs: byte-order marks, UTF-16, line ends,
tabs, padding. `blocks` then finds all words of about a megabyte at a time with numpy, because a
loop over the lines of a scan takes too long. Comments begin with # in every text format here.
"""

import codecs
from collections.abc import Iterator

import numpy as np

BLOCK_BYTES = 2**20
MAX_LINE_BYTES = 2**22  # small files may be one line
MAX_NUMBERS = 11_000_000  # in one text, as 2,000,000 triangles on 1,000,000 vertices have in .off
END_OF_LINE, JOINED_LINE = 10, 11  # bytes; the second counts a line but does not end it

MARKS = {  # the longer ones first: UTF-32's mark begins with UTF-16's
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# control characters are blanks, except the end of a line, and NUL: what holds it is not text
BLANKS = bytes(32 if 0 < i < 32 and i != END_OF_LINE else i for i in range(256))
# Fortran's exponents are read; Python's underscores and the slash behind an .obj's index are not
NUMBER = bytes.maketrans(b"dD_/", b"ee? ")
POWERS = np.array([float(f"1e{power}") for power in range(18)])


def decoded(data: bytes) -> bytes:
    """Return a text without its byte-order mark, and UTF-16 and UTF-32 as UTF-8."""
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    if mark:
        encoding = MARKS[mark]
    else:  # the NULs of UTF-16's first letter tell
        first = data[:2].find(0) if any(data[:2]) else -1
        encoding = {0: "utf-16-be", 1: "utf-16-le"}.get(first, "utf-8")
    data = data.removeprefix(mark)
    return data if encoding == "utf-8" else data.decode(encoding, "replace").encode()


def plain(data: bytes) -> bytes:
    """Return a text with lines that end in a newline, and spaces for all other blanks.

    NULs and blanks at its end are padding. Joined files have a byte-order mark in the middle.
    """
    data = data.replace(codecs.BOM_UTF8, b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.translate(BLANKS)
    return data.rstrip(b"\0 \n") + b"\n"


class Words:
    """The words of some whole lines.

    Attributes:
        start: Byte at which each word begins, int64 (W,).
        end: Byte after each word, int64 (W,).
        heads: First word of each line that has words, int64 (L,).
        sizes: Number of words in each of these lines, int64 (L,).
    """

    def __init__(self, lines: bytes, first_line: int):
        self.bytes = np.frombuffer(lines, np.uint8).copy()
        self.first_line = first_line
        self._blank_comments()
        blank = (self.bytes <= 32) & (self.bytes > 0)
        step = np.diff(blank.view(np.int8), prepend=1, append=1)
        self.start, self.end = np.flatnonzero(step == -1), np.flatnonzero(step == 1)
        after = np.searchsorted(self.start, np.flatnonzero(self.bytes == END_OF_LINE))
        after = np.append(0, after)  # the word after each end of a line; empty lines have the same
        self.heads = after[np.diff(after, append=len(self.start)) > 0]
        self.sizes = np.diff(self.heads, append=len(self.start))

    def _blank_comments(self) -> None:
        """Overwrite each # and what follows in its line."""
        text = self.bytes
        events = np.flatnonzero((text == END_OF_LINE) | (text == ord("#")))
        opens = np.flatnonzero(text[events] == ord("#"))
        if not len(opens):
            return
        edges = np.zeros(len(text), np.int8)
        edges[events[opens]] += 1
        edges[events[opens + 1]] -= 1  # the last line has its end
        text[np.cumsum(edges, dtype=np.int8).view(bool)] = ord(" ")

    def are(self, words: np.ndarray, name: bytes) -> np.ndarray:
        """Return which of the words are `name`, in upper or lower case.

        Args:
            words: Numbers of words, int64 (N,).
            name: Letters, in lower case.

        Returns:
            Bool (N,).
        """
        found = self.end[words] - self.start[words] == len(name)
        at = self.start[words[found]]
        same = np.ones(len(at), dtype=bool)
        for offset, letter in enumerate(name):
            same &= (self.bytes[at + offset] | 32) == letter
        found[found] = same
        return found

    def lines(self, words: np.ndarray) -> np.ndarray:
        """Return the line of each word in the file, counted from 1, int64 (N,)."""
        ends = (self.bytes == END_OF_LINE) | (self.bytes == JOINED_LINE)
        return self.first_line + np.cumsum(ends)[self.start[words]]

    def text(self, word: int) -> str:
        """Return a word for a message, cut after 40 bytes."""
        letters = self.bytes[self.start[word] : min(self.end[word], self.start[word] + 40)]
        return letters.tobytes().decode("utf-8", "replace")

    def refuse_where(self, wrong: np.ndarray, words: np.ndarray, reason: str) -> None:
        """Refuse the file because of the first word that is wrong, if there is one.

        Args:
            wrong: Bool (N,).
            words: Numbers of the words that are looked at, int64 (N,).
            reason: What is wrong; `{}` stands for the word itself.

        Raises:
            ValueError: It names the line.
        """
        if wrong.any():
            word = words.ravel()[np.argmax(wrong)]
            raise ValueError(f"line {self.lines(word)}: {reason.format(repr(self.text(word)))}")

    def numbers(self, words: np.ndarray) -> np.ndarray:
        """Return the values of words in ascending order, float64 (N,); all must be finite."""
        words = words.ravel()
        if not self._decimals(words[:100])[1].any():  # all with exponents: do not try
            values, plain = self._floats(words), np.ones(len(words), dtype=bool)
        else:
            values, plain = self._decimals(words)
        if not plain.all():
            values[~plain] = self._floats(words[~plain])
        self.refuse_where(~np.isfinite(values), words, "{} is not a finite number")
        return values

    def _decimals(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of words as `-12.5`, which most are, and which words are so.

        Of at most 15 digits, the digits and the power of ten are exact, and so is their quotient.
        """
        at, end = self.start[words], self.end[words]
        signed = (self.bytes[at] == ord("-")) | (self.bytes[at] == ord("+"))
        minus = self.bytes[at] == ord("-")
        whole = np.zeros(len(words), dtype=np.int64)
        digits, points, behind = np.zeros((3, len(words)), dtype=np.int8)
        length = end - at
        at = at + signed
        for _ in range(min(int(length.max(initial=0)), 17)):
            letter = self.bytes[at]  # at its end, a blank or a slash
            digit = letter - np.uint8(48)
            is_digit = digit < 10
            whole = np.where(is_digit, whole * 10 + digit, whole)
            digits += is_digit
            behind += is_digit & (points > 0)
            points += letter == ord(".")
            at += at < end
        plain = (digits + points + signed == length) & (points < 2) & (digits > 0) & (digits < 16)
        values = whole / POWERS[behind]
        return np.where(minus, -values, values), plain

    def _floats(self, words: np.ndarray) -> np.ndarray:
        """Return the values of words of any kind, float64 (N,)."""
        edges = np.zeros(len(self.bytes) + 1, np.int8)
        edges[self.start[words]] += 1
        edges[self.end[words] + 1] -= 1  # with the blank behind it
        chosen = self.bytes[np.cumsum(edges[:-1], dtype=np.int8).view(bool)].tobytes()
        try:
            values = np.array(chosen.translate(NUMBER).split(), dtype=np.float64)
        except ValueError:
            values = ()
        if len(values) != len(words):
            self._refuse_number(words)
        return values

    def _refuse_number(self, words: np.ndarray) -> None:
        for word in words.tolist():
            letters = self.bytes[self.start[word] : self.end[word]].tobytes()
            try:
                float(letters.translate(NUMBER))
            except ValueError:
                hint = ""
                if b"," in letters:
                    hint = "; decimals are written with a point, and blanks stand between numbers"
                raise ValueError(
                    f"line {self.lines(word)}: {self.text(word)!r} is not a number{hint}"
                ) from None

    def whole(self, words: np.ndarray) -> np.ndarray:
        """Return the values of words in ascending order, int64 (N,); all must be whole numbers."""
        values = self.numbers(words)
        wrong = (values != np.floor(values)) | (np.abs(values) > 2**53)
        self.refuse_where(wrong, words, "{} is not a whole number")
        return values.astype(np.int64)


def runs(first: np.ndarray, sizes: np.ndarray, step: int = 1) -> np.ndarray:
    """Return first, first + step, first + 2 step, ... of each run, one after the other.

    Args:
        first: Where each run begins, int64 (R,).
        sizes: How long each is, int64 (R,).
        step: Distance within a run.

    Returns:
        Int64 (sum of sizes,).
    """
    before = np.cumsum(sizes) - sizes
    return np.repeat(first - step * before, sizes) + step * np.arange(sizes.sum())


def blocks(text: bytes, line: int = 1) -> Iterator[Words]:
    """Cut a text into blocks of whole lines.

    Args:
        text: As `plain` returns it.
        line: Number of its first line.

    Yields:
        The words of about a megabyte of lines.

    Raises:
        ValueError: A line is longer than `MAX_LINE_BYTES`.
    """
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + BLOCK_BYTES - 1) + 1 or len(text)
        last = text.rfind(b"\n", begin, end - 1) + 1 or begin
        if end - last > MAX_LINE_BYTES:
            line += _lines(text, begin, last)
            raise ValueError(
                f"line {line} has {end - last} bytes, expected at most {MAX_LINE_BYTES}"
            )
        yield Words(text[begin:end], line)
        line += _lines(text, begin, end)
        begin = end


def _lines(text: bytes, begin: int, end: int) -> int:
    return text.count(b"\n", begin, end) + text.count(b"\v", begin, end)


def check_numbers(count: int) -> None:
    """Refuse a text with more than `MAX_NUMBERS` numbers, before they are read."""
    if count > MAX_NUMBERS:
        raise ValueError(
            f"it has more than {MAX_NUMBERS} numbers; simplify it first, or save it as .glb"
        )
