"""Pictures of the plane: things stand where they should, in their colours; bad input is refused."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from course_utils.plots import planar, style
from course_utils.plots.planar import (
    Chart,
    cloud_film,
    show_charts,
    show_clouds,
    show_maps,
    show_paths,
    square_grid,
)


def drawn(picture):
    """The pixels (H, W, 3) from 0 to 1, and a function (panel, coordinates) -> (row, column)."""
    picture.canvas.draw()
    pixels = np.asarray(picture.canvas.buffer_rgba())[..., :3] / 255

    def place(panel, x, y):
        across, up = picture.axes[panel].transData.transform((x, y))
        return round(len(pixels) - 1 - up), round(across)

    return pixels, place


def ink(pixels, spot, colour, reach=4):
    """Whether something of this colour is drawn within `reach` pixels of the spot."""
    row, column = spot
    near = pixels[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return bool((np.abs(near - to_rgb(colour)).max(axis=-1) < 0.35).any())


def test_a_grid_runs_along_x_first_and_y_from_below():
    grid = square_grid(3, limit=1.0)
    assert grid.tolist() == [[x, y] for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0)]


def test_clouds_marks_and_what_lies_behind_stand_at_their_places():
    clouds = [torch.tensor([[1.0, 2.0]] * 50), np.array([[-2.0, -1.0]] * 50)]
    picture = show_clouds(
        clouds, ["a", "b"], [style.DATA, style.MODEL], marks=[{}, {"here": (2.0, 2.0)}]
    )
    pixels, place = drawn(picture)
    assert ink(pixels, place(0, 1, 2), style.DATA) and ink(pixels, place(1, -2, -1), style.MODEL)
    assert not ink(pixels, place(0, -2, -1), style.MODEL) and not ink(
        pixels, place(0, 2, 2), style.EXACT
    )
    assert ink(pixels, place(1, 2, 2), style.EXACT)
    assert [axes.get_title() for axes in picture.axes] == ["a", "b"]
    assert picture.axes[0].get_xlabel() == "x" and picture.axes[0].get_ylabel() == "y"


def test_a_map_is_drawn_the_right_way_up():
    values = square_grid(21)[:, 0] + 10 * square_grid(21)[:, 1]  # largest in the upper right corner
    pixels, place = drawn(show_maps([values - values.min()]))
    corners = {(x, y): pixels[place(0, x, y)].sum() for x in (-2.5, 2.5) for y in (-2.5, 2.5)}
    # darker is more
    assert corners[2.5, 2.5] < corners[-2.5, 2.5] < corners[2.5, -2.5] < corners[-2.5, -2.5]


def test_paths_begin_grey_and_end_in_colour():
    path = torch.tensor([[[-2.0, 0.0]], [[0.0, 0.0]], [[2.0, 0.0]]])
    pixels, place = drawn(show_paths([path]))
    assert ink(pixels, place(0, -2, 0), style.NOISE) and ink(pixels, place(0, 2, 0), style.MODEL)
    assert not ink(pixels, place(0, 0, 2), style.MODEL)


def test_charts_have_labels_legend_limits_and_ticks():
    chart = Chart("title", "time", "size", "log", x_limits=(1, 100), x_ticks=(1, 10, 100))
    chart.line([1, 100], [0, 1], "exact", style.EXACT).dots([10], [0.5], "measured", error=[0.1])
    picture = show_charts([chart, Chart("other", "x", "y").line([0, 1], [0, 1])])
    axes, other = picture.axes
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("title", "time", "size")
    assert axes.get_xlim() == (1, 100) and [t.get_text() for t in axes.get_xticklabels()] == [
        "1",
        "10",
        "100",
    ]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["exact", "measured"]
    assert other.get_legend() is None
    assert axes.lines[0].get_linestyle() == "--"  # black lines are told apart without colour


def test_a_film_of_clouds_has_a_frame_for_each_and_stays_small():
    clouds = [torch.randn(5000, 2) for _ in range(20)]
    film = cloud_film(clouds, [f"t = {k}, n" for k in range(20)], behind=clouds[0])
    assert len(film.figure.frames) == 20 and film.size_bytes < 1_000_000
    frame = film.figure.frames[3].data[0]
    assert (
        np.abs(np.stack([frame.x, frame.y], 1) - clouds[3][: planar.DOTS].numpy()).max() <= 0.0051
    )
    labels = [step.label for step in film.figure.layout.sliders[0].steps]
    assert labels[3] == "t = 3, n"


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="expected the values on square_grid"):
        show_maps([torch.zeros(10)])
    with pytest.raises(ValueError, match="1 entries for 2 pictures"):
        show_clouds([torch.zeros(3, 2)] * 2, ["one"])
