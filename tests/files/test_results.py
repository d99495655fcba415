"""Results of a study come back; a changed, half or missing file is refused with a remedy."""

import json
import re

import pytest

from course_utils.files.results import (
    checksum,
    load_results,
    resumed_results,
    save_results,
    without_infinities,
)
from course_utils.places import STUDIES

CONTENTS = {
    "runs": [{"distance": 0.1 + 0.2, "modes": 5}, {"distance": None}],
    "tuned": ["plain", 2e-3],
}


def test_what_is_written_comes_back(tmp_path):
    file = tmp_path / "studies" / "some.json"
    save_results(file, CONTENTS, "python some.py")
    assert load_results(file) == (CONTENTS, "python some.py")
    assert [f.name for f in file.parent.iterdir()] == ["some.json"]


def test_the_checksum_sees_every_number_and_no_order():
    turned = dict(reversed(list(CONTENTS.items())))
    assert checksum(turned) == checksum(CONTENTS)
    assert checksum(CONTENTS | {"tuned": ["plain", 2.0000000001e-3]}) != checksum(CONTENTS)


def test_a_changed_number_is_noticed(tmp_path):
    file = tmp_path / "some.json"
    save_results(file, CONTENTS, "")
    file.write_text(file.read_text().replace('"modes": 5', '"modes": 4'))
    with pytest.raises(
        ValueError, match=r"some\.json was changed or damaged.*run the study's script"
    ):
        load_results(file)


@pytest.mark.parametrize("text", ["", '{"contents": {}', "[1, 2]", '{"contents": {}}', "\x00\xff"])
def test_what_is_no_file_of_results_is_refused(tmp_path, text):
    file = tmp_path / "some.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"no readable results.*get the repository's data"):
        load_results(file)


def test_infinite_numbers_become_none():
    inf = float("inf")
    assert without_infinities({"a": inf, "b": -inf, "c": 0.5, "d": None}) == {
        "a": None,
        "b": None,
        "c": 0.5,
        "d": None,
    }


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no readable results"):
        load_results(tmp_path / "none.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_json_cannot_hold_is_refused_and_the_old_file_stays(tmp_path, value):
    file = tmp_path / "some.json"
    save_results(file, CONTENTS, "")
    with pytest.raises(ValueError, match="use numbers, texts, lists and None"):
        save_results(file, {"value": value}, "")
    assert load_results(file)[0] == CONTENTS


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.json")), ids=lambda file: file.stem)
def test_the_shipped_studies_are_whole_and_name_their_script(file):
    contents, command = load_results(file)
    words = re.sub(r"-m (benchmarks)\.(\w+)", r"\1/\2.py", command).split()
    script = next(word for word in words if word.endswith(".py"))
    assert contents and (STUDIES.parents[1] / script).exists()
    assert json.loads(file.read_text())["sha256"] == checksum(contents)


def test_a_study_goes_on_with_its_own_constants_only(tmp_path):
    file, plan = tmp_path / "study.json", {"plan": {"steps": 9, "betas": (0.9, 0.99)}}
    contents = resumed_results(file, plan, {"runs": []})
    assert contents == {"plan": {"steps": 9, "betas": [0.9, 0.99]}, "runs": []}
    contents["runs"].append(1)
    save_results(file, contents, "true")
    assert resumed_results(file, plan, {"runs": []})["runs"] == [1]
    assert resumed_results(file, plan | {"new": 1}, {"runs": []})["new"] == 1
    with pytest.raises(ValueError, match=r"begun with other settings \(plan\.steps: 9 → 10\)"):
        resumed_results(file, {"plan": {"steps": 10, "betas": (0.9, 0.99)}}, {"runs": []})
