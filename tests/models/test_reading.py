"""Any sentence is read: what is understood, what is missed, and where nothing is."""

import time

import pytest

from course_utils.datasets.shapes import CLASSES
from course_utils.datasets.word_vectors import word_vectors
from course_utils.models.reading import TextReader, read, shipped_reader
from course_utils.networks.reader import Reader
from course_utils.places import CHECKPOINTS

WOODS = {"oak", "pine", "walnut", "cherry", "birch", "ebony"}


def test_an_armchair_is_understood_and_an_island_named():
    reading = read("please make me a red armchair with wooden legs on a tropical island")
    assert reading.family == "chair" and reading.facts["armrests"] == (True,)
    assert reading.materials["seat"] == "red" and reading.materials["legs"] in WOODS
    assert reading.understood == ("red armchair", "wooden legs")
    assert reading.missed == ("tropical island",) and reading.nearest is None
    assert reading.answer == (
        "understood: red armchair, wooden legs; I cannot make: tropical island"
    )


@pytest.mark.parametrize(
    ("text", "family", "facts"),
    [
        ("CHAIRS!!", "chair", {}),
        ("a woden chiar with a tall bakc", "chair", {"back_height": ("high",)}),
        ("armless chair", "chair", {"armrests": (False,)}),
        ("I don't want arms on my chair", "chair", {"armrests": (False,)}),
        ("a sofa that hasn't got legs", "sofa", {"legs": (False,)}),
        ("bench without a back", "bench", {"back": ("none",)}),
        ("no railings on the bridge please", "bridge", {"railings": (False,)}),
        ("mug with the handle on the left", "mug", {"handle": ("left",)}),
        ("house, two floors, chimney on the right", "house",
         {"storeys": (2,), "chimney": ("right",)}),
        ("a three-legged stool", "stool", {"base": ("three legs",)}),
        ("rocket with 4 fins", "rocket", {"fins": (4,)}),
        ("pine tree", "tree", {"crown": ("fir",)}),
        ("glider", "airplane", {"engines": (0,), "propeller": (False,)}),
        ("elephants", "animal", {"kind": ("elephant",)}),
        ("rowing boat", "boat", {"kind": ("rowing",)}),
        ("table lamp", "lamp", {"kind": ("table",)}),
        ("lorry", "car", {"kind": ("pickup",)}),
        ("bunkbed", "bed", {"kind": ("bunk",)}),
        ("bookcase with three shelves", "shelf", {"rows": (3,)}),
        ("a vase", "vase", {}),
        ("corked wine bottle", "bottle", {"stopper": ("narrow",)}),
        ("robot on tank tracks", "robot", {"base": ("tracks",)}),
    ],
)  # fmt: skip
def test_plain_wishes_are_read(text, family, facts):
    reading = read(text)
    assert reading.family == family and not reading.others
    assert {name: reading.facts.get(name) for name in facts} == facts


def test_wrong_counts_and_counted_things_are_missed():
    reading = read("a table with six legs")
    assert "base" not in reading.facts and any("six" in phrase for phrase in reading.missed)
    assert read("three chairs").missed == ("three",) and read("one chair").missed == ()


@pytest.mark.parametrize(
    ("text", "family", "facts"),
    [
        ("a glider with very long thin wings", "airplane", {"body": None, "engines": (0,)}),
        ("robot with one big eye", "robot", {"face": None}),
        ("bookshelf 200 x 80 x 30 cm", "shelf", {"books": None}),
        ("bookshelf with no books", "shelf", {"books": (False,)}),
        ("triple bunk bed", "bed", {"kind": ("bunk",), "size": None}),
        ("not an armchair, just a plain chair", "chair", {"armrests": (False,)}),
        ("square table, not round", "table", {"top": ("rectangular",)}),
        ("no pillows on the bed", "bed", {"pillows": None}),
        ("house with a steep roof and two windows", "house", {"storeys": None}),
        ("a chair, the back is really tall", "chair", {"back_height": ("high",)}),
        ("steamship with 2 red funnels", "boat", {"funnels": (2,)}),
        ("a stool taller than a chair", "stool", {"height": ("tall",)}),
        ("ottoman", "stool", {"height": ("low",)}),
        ("bar stools with footrests", "stool", {"height": ("tall",), "footrest": (True,)}),
        ("grateful for a rocking chair", "chair", {"base": ("runners",)}),
        ("poplars along the lane", "tree", {"crown": ("cypress",)}),
        ("a dog is sitting on grass", "animal", {"kind": ("dog",)}),
        ("ice cream van", "car", {}),
        ("desk lamp", "lamp", {"kind": ("desk",)}),
        ("a mug the size of a car", "mug", {}),
        ("submarine", None, {}),
        ("una silla roja", None, {}),
        ("a hot dog", None, {}),
    ],
)
def test_what_only_seems_to_be_named_is_not(text, family, facts):
    reading = read(text)
    assert (reading.family, reading.others) == (family, ())
    assert {name: reading.facts.get(name) for name in facts} == facts


@pytest.mark.parametrize(
    ("text", "missed"),
    [
        ("an orange mug with a big handle", ("big",)),
        ("a house with a stone chimney", ("stone",)),
        ("a lamp with 2 bulbs, 8k", ("2 bulbs", "8k")),
        ("dog house", ("dog",)),
        ("pool table", ("pool",)),
        ("ps1 style boat", ("ps1",)),
        ("orange car with a black roof", ("black roof",)),
        ("stool without backrest", ()),
        ("a stool whose seat should be round", ()),
    ],
)
def test_what_means_more_than_is_made_is_missed(text, missed):
    assert read(text).missed == missed


def test_a_second_thing_is_named_and_keeps_its_colour():
    reading = read("a blue vase on top of a white shelf")
    assert (reading.family, reading.others) == ("vase", ("shelf",))
    assert reading.materials["vase"] == "blue"
    assert reading.answer.endswith("one shape is made, so no shelf")


def test_an_animal_that_there_is_none_of_is_an_animal_and_missed():
    reading = read("a grey kitten")
    assert reading.family == "animal" and reading.missed == ("kitten",)
    assert reading.understood[0] == "animal" and reading.materials["coat"] == "grey"


@pytest.mark.parametrize(
    "text",
    ["", "...", "椅子", "🪑", "xyzzy", "a pizza", "a smoothing plane", "please", "стол", "\0\x1b"],
)
def test_where_no_family_is_understood_there_is_none(text):
    reading = read(text)
    assert reading.family is None and not (reading.facts or reading.materials or reading.understood)
    assert (reading.missed == ()) == (text in ("", "...", "please", "\0\x1b"))


def test_other_scripts_are_missed_whole():
    assert read("a red chair 椅子 для меня").missed == ("椅子 для меня",)
    assert read("椅子 と テーブル").missed == ("椅子 と テーブル",)


def test_the_nearest_family_is_told_where_none_is_understood():
    assert read("a saxophone").nearest is not None and read("椅子").nearest is None
    assert shipped_reader().nearest("a cottage", ("car", "house")) == "house"


def test_no_text_is_refused_and_none_takes_long():
    start = time.process_time()
    for text in ("a " * 10_000, "chair " * 2_000, "x" * 10**5, "no " * 500, ", " * 9_000):
        read(text)
    assert time.process_time() - start < 20
    with pytest.raises(ValueError, match="expected a text"):
        read(5)


def test_what_follows_four_hundred_words_is_missed():
    long = "a chair " + "and " * 400 + "a dragon with two heads"
    assert read(long).family == "chair" and read(long).missed == ("dragon with two heads",)


def test_a_folder_that_is_no_reader_is_named():
    with pytest.raises(ValueError, match="is no reader of texts"):
        shipped_reader(CHECKPOINTS / "shapes32")
    with pytest.raises(ValueError, match="8 outputs for 20 families"):
        TextReader(Reader(3, 5), CLASSES, word_vectors())
