"""Lesson 00 in JupyterLab and Chromium: all of it runs, and the 3D film follows its slider."""

from conftest import colours, pixels

LESSON = "00_start_here"


def test_lesson_00_runs_and_its_film_moves(lab, page):
    lab.open_lesson(page, f"{LESSON}.ipynb")
    lab.keep(page, f"{LESSON}-opened")
    lab.run_all(page)
    assert lab.errors(page) == []

    figure = lab.figure(page)
    lab.keep(page, f"{LESSON}-ran")
    final = pixels(lab.scene(figure))
    lab.keep(figure, f"{LESSON}-film-end")
    assert colours(final) > 50, "the 3D figure is blank"

    before = figure.bounding_box()["height"]
    lab.move_slider(page, figure, 0.02)
    first = pixels(lab.scene(figure))
    lab.keep(figure, f"{LESSON}-film-start")
    # plotly's "responsive" lets the output collapse on the first redraw
    after = figure.bounding_box()["height"]
    assert after == before, (
        f"the slider changed the figure's height from {before:.0f} to {after:.0f} pixels"
    )
    assert first.shape == final.shape
    assert colours(first) > 50, "the 3D figure is blank after its slider moved"
    changed = (first != final).any(axis=-1).mean()
    assert changed > 0.01, f"the slider changed {changed:.2%} of the picture"

    assert page.console_errors == []
