"""Is any sentence read right? `python benchmarks/reading.py`: a minute on one core.

The prompts of data/prompts are read by `models.reading`. Counted are the family, the facts of the
first family (right if every value that is kept satisfies the text), denied ones among them, the
materials, and whether what cannot be made is named. The half of the prompts that a reader may be
tuned on is the default; `--test` reads the other. Results go to data/studies/reading.json, those of
--test beside the others.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from course_utils.cli.arguments import Parser, path
from course_utils.datasets.captions.everyday import GLUE
from course_utils.files.results import load_results, save_results
from course_utils.models.reading import SHIPPED_READER, Reading, shipped_reader
from course_utils.networks.words import split
from course_utils.places import DATA, STUDIES

PROMPTS = DATA / "prompts" / "prompts.jsonl"
COMMAND = "python benchmarks/reading.py"
ABSENT = (False, 0, "none")
TARGETS = {"family": 0.97, "recall": 0.90, "precision": 0.97, "negations": 0.85, "materials": 0.95}
Read = Callable[[str], Reading]


def prompts(half: str, file: Path = PROMPTS) -> list[dict]:
    """The prompts of a half, "tune" or "test"."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [one for one in map(json.loads, lines) if one["split"] == half]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} holds no prompts ({error}); see data/prompts/README.md"
        ) from error


def counts(reading: Reading, prompt: dict) -> Counter:
    """What of one prompt was read right, and of how many."""
    allowed = [entry.split("|") for entry in prompt["families"]]
    found = Counter(prompts=1)
    right = reading.family in allowed[0] if allowed else reading.family is None
    found["family"] = right
    found["others"] = sum(bool(set(one) & set(reading.others)) for one in allowed[1:])
    found["others asked"] = len(allowed[1:])
    for name, values in prompt["facts"].items():
        kept = reading.facts.get(name, ())
        good = right and bool(kept) and set(map(repr, kept)) <= set(map(repr, values))
        denied = all(value in ABSENT and value is not None for value in values)
        found["facts asked"] += 1
        found["facts"] += good
        found["negations asked"] += denied
        found["negations"] += denied and good
    found["facts read"] = len(reading.facts)
    for slot, names in prompt["materials"].items():
        found["materials asked"] += 1
        found["materials"] += right and reading.materials.get(slot) in names
    found["missed asked"] = len(prompt["unmet"])
    said = _content(" ".join(reading.missed))
    found["missed"] = sum(bool(_content(phrase) & said) for phrase in prompt["unmet"])
    meant = _content(" ".join(prompt["unmet"]))
    found["missed read"] = len(reading.missed)
    found["missed rightly"] = sum(bool(_content(phrase) & meant) for phrase in reading.missed)
    return found


def _content(text: str) -> set[str]:
    words = set(split(text))
    return words - GLUE or words


def shares(total: Counter) -> dict[str, float | None]:
    """The rows of the table."""

    def share(part: str, whole: str) -> float | None:
        return total[part] / total[whole] if total[whole] else None

    return {
        "family": share("family", "prompts"),
        "recall": share("facts", "facts asked"),
        "precision": share("facts", "facts read"),
        "negations": share("negations", "negations asked"),
        "materials": share("materials", "materials asked"),
        "missed named": share("missed", "missed asked"),
        "missed rightly": share("missed rightly", "missed read"),
        "others": share("others", "others asked"),
    }


def measured(read: Read, asked: Sequence[dict]) -> dict:
    """All shares, for each kind of prompt too, and the milliseconds per prompt."""
    kinds: dict[str, Counter] = {}
    total = Counter()
    start = time.process_time()
    readings = [read(prompt["text"]) for prompt in asked]
    milliseconds = 1000 * (time.process_time() - start) / len(asked)
    for reading, prompt in zip(readings, asked, strict=True):
        found = counts(reading, prompt)
        total += found
        kinds[prompt["kind"]] = kinds.get(prompt["kind"], Counter()) + found
    return {
        "prompts": len(asked),
        **shares(total),
        "counts": dict(total),
        "milliseconds": milliseconds,
        "kinds": {kind: {"prompts": one["prompts"], **shares(one)} for kind, one in kinds.items()},
    }


def table(results: dict) -> str:
    """The shares as a table of Markdown."""
    rows = ["family", "recall", "precision", "negations", "materials", "missed named"]
    rows += ["missed rightly", "others"]
    lines = ["| | right | target |", "|---|---:|---:|"]
    for row in rows:
        lines.append(f"| {row} | {percent(results[row])} | {percent(TARGETS.get(row))} |")
    return "\n".join([*lines, f"| ms per prompt | {results['milliseconds']:.1f} | |"])


def percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def wrong(read: Read, asked: Sequence[dict]) -> None:
    """Print every prompt of which something was not read right, for who tunes the reader."""
    for prompt in asked:
        reading = read(prompt["text"])
        found = counts(reading, prompt)
        pairs = ("facts", "facts asked"), ("materials", "materials asked"), ("facts", "facts read")
        pairs += (("missed", "missed asked"), ("missed rightly", "missed read"))
        if not found["family"] or any(found[a] < found[b] for a, b in pairs):
            print(f"{prompt['text']}\n   asked {prompt['families']} {prompt['facts']}"
                  f" {prompt['materials']} unmet {prompt['unmet']}\n   read  {reading.family}"
                  f" {list(reading.others)} {reading.facts} {reading.materials}"
                  f" missed {list(reading.missed)}")  # fmt: skip


def main() -> None:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--test", action="store_true", help="the half that nothing was tuned on")
    parser.add_argument("--model", type=path, default=SHIPPED_READER, help="a reader's folder")
    parser.add_argument(
        "--prompts", type=path, default=PROMPTS, help="other prompts, as JSON lines"
    )
    parser.add_argument("--wrong", action="store_true", help="print what is wrong, write nothing")
    parser.add_argument("--out", type=path, default=STUDIES / "reading.json", help="results")
    options = parser.parse_args()
    half = "test" if options.test else "tune"
    with parser.refusing():
        reader, asked = shipped_reader(options.model), prompts(half, options.prompts)
    if options.wrong:
        wrong(reader.read, asked)
    results = measured(reader.read, asked)
    print(table(results))
    if options.wrong or options.prompts != PROMPTS:
        return
    before = load_results(options.out)[0] if options.out.exists() else {}
    save_results(
        options.out, before | {half: results}, COMMAND + (" --test" if options.test else "")
    )


if __name__ == "__main__":
    main()
