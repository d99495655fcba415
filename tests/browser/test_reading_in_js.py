"""The page's reader of sentences, `docs/web/live/reader.js`: it reads every text as Python does."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from course_utils.datasets.captions import captions, facts_of
from course_utils.datasets.shapes import CLASSES, make_shapes
from course_utils.models.config import Config
from course_utils.models.generated import palette_for
from course_utils.models.onnx import about_config
from course_utils.models.prompting import condition_of
from course_utils.models.reader_export import NUMBERS, TABLES, export_reader
from course_utils.models.reading import read
from course_utils.models.wishes import materials_of, wish_of
from course_utils.places import DATA

ODD = json.loads((Path(__file__).parent / "odd_texts.json").read_text(encoding="utf-8"))
SMALL = {
    "name": "small",
    "about": "A model that is never trained",
    "resolution": 32,
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 4, "shift": 8.0, "guidance_scale": 2.0},
}
NETWORK = {"kind": "UNet", "dimensions": 3, "channels": [8, 8], "patch": 4, "blocks": 1}


def config_of(classes, conditioner, **changes):
    network = NETWORK | {"conditioners": [conditioner]} | changes
    return Config.of(SMALL | {"classes": list(classes), "network": network})


FEW = ("chair", "table", "house")
CONFIGS = {
    "facts": config_of(
        CLASSES,
        {"kind": "named", "families": len(CLASSES), "facts": len(facts_of(CLASSES))},
        in_channels=5,
    ),
    "labels": config_of(FEW, {"kind": "labels", "classes": len(FEW)}),
}
READ = """async ([tables, numbers, abouts, texts]) => {
    const { answerOf, readerOf } = await import("/live/reader.js");
    const { answerTo, materialsOf, slotsIn, wishOf } = await import("/live/wishes.js");
    const { conditionOf } = await import("/live/model.js");
    const reader = await readerOf(tables, Uint8Array.from(atob(numbers), (c) => c.charCodeAt(0)));
    const asked = (about, text) => {
        try {
            const made = wishOf(about, reader, text);
            const [materials, wish] = materialsOf(made, slotsIn(about, tables, made.family));
            return { answer: answerTo(wish), materials, condition: [...conditionOf(about, wish).data].map(Number) };
        } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            return { refused: error.message };
        }
    };
    return texts.map((text) => {
        const reading = reader.read(text);
        return [{ ...reading, answer: answerOf(reading) }, abouts.map((about) => asked(about, text))];
    });
}"""


def tuning_prompts():
    """The prompts that a reader may be tuned on; the others are not looked at."""
    lines = (DATA / "prompts" / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    return [one["text"] for one in map(json.loads, lines) if one["split"] == "tune"]


def reading_of(text):
    reading = read(text)
    names = ("family", "others", "facts", "materials", "understood", "missed", "nearest")
    entries = {name: getattr(reading, name) for name in names}
    return json.loads(json.dumps({"text": text, **entries, "answer": reading.answer}))


def asked_of_python(config, text):
    try:
        wish = wish_of(config, text)
    except ValueError as error:
        return {"refused": str(error)}
    materials, wish = materials_of(wish, palette_for(config, wish.family, 0))
    condition = np.ravel(condition_of(config, [wish.text])[0]).tolist()
    return {"answer": wish.answer, "materials": materials, "condition": condition}


def read_in_js(modules, folder, texts):
    tables = export_reader(folder)
    numbers = base64.b64encode((folder / NUMBERS).read_bytes()).decode()
    assert json.loads((folder / TABLES).read_text(encoding="utf-8")) == tables
    abouts = [about_config(config) for config in CONFIGS.values()]
    return modules.evaluate(READ, [tables, numbers, abouts, texts])


@pytest.mark.parametrize("kind", ["prompts", "odd", "captions"])
def test_a_text_is_read_as_python_reads_it(modules, tmp_path, kind):
    texts = {
        "prompts": tuning_prompts,
        "odd": lambda: ODD,
        "captions": lambda: captions(make_shapes(60, 8), 3),
    }[kind]()
    for text, (reading, asked) in zip(texts, read_in_js(modules, tmp_path, texts), strict=True):
        expected = reading_of(text)
        assert reading == expected, text
        assert list(reading["facts"]) == list(expected["facts"]), text
        for config, each in zip(CONFIGS.values(), asked, strict=True):
            assert each == asked_of_python(config, text), text


def test_a_long_text_is_read_to_its_end_or_named(modules, tmp_path):
    """A word that is missing changes only what lies near it: JavaScript looks at no more."""
    long = "a tall chair " + "with a zebra and a qwertz " * 12 + "in red"
    longer = "a chair and then " + "something zebra " * 230 + "xylophone"
    (one, _), (two, _) = read_in_js(modules, tmp_path, [long, longer])
    assert one == reading_of(long) and two == reading_of(longer)
    assert two["missed"][-1].endswith("xylophone")
