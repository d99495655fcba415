"""Controls in a real JupyterLab: all cells run, controls answer to slider, menu and pointer."""

import numpy as np
import pytest
from conftest import pixels


def picture(page, which=0):
    """The live picture of the lesson's first control, or of another one, scrolled into view."""
    image = page.locator(".jp-NotebookPanel .jp-OutputArea .widget-vbox img").nth(which)
    image.wait_for(state="attached")
    image.scroll_into_view_if_needed()
    image.wait_for(state="visible")
    page.wait_for_timeout(500)
    return image


def changed(page, image, act) -> float:
    """Share of the picture's pixels that an action changes."""
    before = pixels(image).astype(int)
    act()
    page.wait_for_timeout(1500)
    after = pixels(image).astype(int)
    assert before.shape == after.shape
    return float((np.abs(after - before).max(axis=-1) > 20).mean())


def push(page, description, key, times=10):
    """Move the slider of this description by its keyboard."""
    row = page.locator(".jp-OutputArea .widget-slider").filter(
        has=page.get_by_text(description, exact=True)
    )
    row.locator(".noUi-handle").first.focus()
    for _ in range(times):
        page.keyboard.press(key)


def choose(page, description, value):
    row = page.locator(".jp-OutputArea .widget-dropdown").filter(
        has=page.get_by_text(description, exact=True)
    )
    row.locator("select").select_option(value)


def drag(page, image, *places):
    """Press at the first place (shares of width and height), go to the others, let go."""
    box = image.bounding_box()
    for k, (across, down) in enumerate(places):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=5)
        if k == 0:
            page.mouse.down()
    page.mouse.up()


LESSONS = {  # the actions of a lesson's control, or of each of its controls
    "01_gaussian_noise": {
        "t": lambda page, image: push(page, "t", "ArrowRight", 20),
        "points": lambda page, image: choose(page, "points", "rings"),
        "unit size": lambda page, image: page.locator(
            ".jp-OutputArea .widget-checkbox input"
        ).click(),
        "schedule": lambda page, image: choose(page, "schedule", "ddpm"),
    },
    "02_score_and_denoiser": {
        "t": lambda page, image: push(page, "t", "ArrowRight", 20),
        "point x": lambda page, image: push(page, "point x", "ArrowRight", 60),
        "a press": lambda page, image: drag(page, image, (0.2, 0.3)),
        "a drag": lambda page, image: drag(page, image, (0.2, 0.3), (0.35, 0.6)),
    },
    "03_going_back": {
        "sampler": lambda page, image: choose(page, "sampler", "ddpm"),
        "steps": lambda page, image: push(page, "steps", "ArrowLeft", 8),
        "seed": lambda page, image: push(page, "seed", "ArrowRight", 3),
        "particle": lambda page, image: push(page, "particle", "ArrowRight", 3),
        "a press": lambda page, image: drag(page, image, (0.2, 0.3)),
    },
    "04_unet_digits": {
        "weight": lambda page, image: push(page, "weight", "ArrowRight", 20),
        "way": lambda page, image: choose(page, "way", "lerp"),
        "first seed": lambda page, image: push(page, "first seed", "ArrowRight", 3),
        "second seed": lambda page, image: push(page, "second seed", "ArrowRight", 3),
        "class": lambda page, image: choose(page, "class", "B"),
    },
    "06_guidance": {
        "scale": lambda page, image: push(page, "scale", "ArrowRight", 15),
        "mix": lambda page, image: push(page, "mix", "ArrowRight", 10),
        "class": lambda page, image: choose(page, "class", "four"),
        "second": lambda page, image: choose(page, "second", "eight"),
        "seed": lambda page, image: push(page, "seed", "ArrowRight", 3),
    },
    "07_voxels_and_meshes": [
        {
            "level": lambda page, image: push(page, "level", "ArrowRight", 20),
            "resolution": lambda page, image: push(page, "resolution", "ArrowLeft", 1),
            "shape": lambda page, image: choose(page, "shape", "house"),
            "surface": lambda page, image: choose(page, "surface", "blocks"),
        },
        {
            "seat height": lambda page, image: push(page, "seat height", "ArrowRight", 10),
            "width": lambda page, image: push(page, "width", "ArrowRight", 10),
            "armrests": lambda page, image: page.locator(
                ".jp-OutputArea .widget-checkbox input"
            ).click(),
        },
    ],
}


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_lesson_runs_and_its_control_answers(lab, page, lesson):
    lab.open_lesson(page, f"{lesson}.ipynb")
    lab.run_all(page)
    assert lab.errors(page) == []
    controls = LESSONS[lesson] if isinstance(LESSONS[lesson], list) else [LESSONS[lesson]]
    for which, control in enumerate(controls):
        image = picture(page, which)
        lab.keep(page, f"{lesson}-control-{which}")
        for name, act in control.items():
            share = changed(page, image, lambda act=act, image=image: act(page, image))
            lab.keep(image, f"{lesson}-{name.replace(' ', '-')}")
            assert share > 0.001, f"{name} changed {share:.2%} of the picture"
    assert page.console_errors == []
