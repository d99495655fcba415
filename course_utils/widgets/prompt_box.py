"""The prompt box of lesson 09: type words, watch a shape form, replay its steps, save it."""

import html
from pathlib import Path

import numpy as np
from ipywidgets import HTML, Button, FloatSlider, IntSlider, Text

from course_utils.datasets.shapes.materials import Palette
from course_utils.diffusion.sampling import State
from course_utils.geometry.grids import to_numpy
from course_utils.geometry.matter import slots_from_model
from course_utils.geometry.render import render_materials
from course_utils.geometry.surface import is_watertight
from course_utils.models.config import Config
from course_utils.models.generated import Generated, changed, finish, palette_for
from course_utils.models.generation import file_name
from course_utils.models.ranking import (
    Agreement,
    Wholeness,
    best_of,
    rounds_of,
    seeds_of,
    shipped_ranker,
)
from course_utils.models.wishes import materials_of, wish_of
from course_utils.plots.film import sampling_film
from course_utils.plots.pictures import enlarged
from course_utils.plots.stills import middle_slice
from course_utils.widgets.control import TURN, Control

SIDE = 300  # pixels of the picture of the shape
HIGHEST = 6.0  # guidance scale
STRONGEST = 0.4  # steering
MOST_STEPS = 32
MOST_TRIES = 8  # which one batch holds


class PromptBox(Control):
    """A shape for a prompt, drawn while the sampler runs, in the colours of its materials.

    The line under the picture says what of the prompt was understood, what cannot be made, and what
    this model cannot do. If it does not know what to make, the line says so and the shape stays.
    "best of" keeps the best of several tries, as the model's ranker sees them; `film` goes back
    through the steps of the one that was kept, "Save mesh" writes a .glb.

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompt: What the box holds at first: any sentence, or for a model of other things than ours
            the name of one of its classes.
        critic: A `ranking.Agreement`, for a slider that steers by it.
    """

    figsize = (8.6, 3.9)
    alt = "a shape that forms from noise, and a slice through the noise"

    def __init__(self, denoiser, config: Config, prompt: str, critic: Agreement | None = None):
        if not isinstance(config, Config) or not config.makes_shapes:
            raise ValueError(
                f"config is {config!r}; expected that of a model of shapes, from load_checkpoint"
            )
        if not isinstance(prompt, str):
            raise ValueError(f"prompt is {prompt!r}; expected a text")
        self.denoiser, self.config, self.prompt, self.critic = denoiser, config, prompt, critic
        self.asked, self.said, self.states = None, "", []
        super().__init__()
        self.button = Button(description="Save mesh", icon="download")
        self.button.on_click(lambda _: self.save())
        self.box.children += (self.words, self.button)

    def _inputs(self):
        # a shape takes longer than a redraw
        settings, late = (self.config.sampling, {"continuous_update": False})
        steps, scale = settings.steps, settings.guidance_scale
        steering = FloatSlider(
            value=0.15, min=0, max=STRONGEST, step=0.05, description="steering", **late
        )
        return {
            "prompt": Text(
                value=self.prompt, description="prompt", layout={"width": "600px"}, **late
            ),
            "seed": IntSlider(value=0, min=0, max=99, description="seed", **late),
            "steps": IntSlider(value=steps, min=1, max=MOST_STEPS, description="steps", **late),
            "scale": FloatSlider(
                value=scale, min=0, max=HIGHEST, step=0.5, description="scale", **late
            ),
            **({"steering": steering} if self.critic else {}),
            "tries": IntSlider(value=1, min=1, max=MOST_TRIES, description="best of", **late),
            "film": IntSlider(value=MOST_STEPS, min=1, max=MOST_STEPS, description="film"),
        }

    def _draw(self, figure):
        (left, right), blank = figure.subplots(1, 2), np.full((SIDE, SIDE, 3), 255, np.uint8)
        figure.subplots_adjust(left=0.01, right=0.99, top=0.86, bottom=0.02, wspace=0.02)
        self.views = [axes.imshow(blank) for axes in (left, right)]
        self.titles = [axes.set_title("", fontsize=11) for axes in (left, right)]
        for axes in (left, right):
            axes.set_axis_off()
        self.words = HTML()  # not in the picture, whose font lacks most scripts
        return [*self.views, *self.titles]

    def _say(self, text: str) -> None:
        self.words.value = f'<span role="status">{html.escape(text)}</span>'

    def _remember(self, before: Control) -> None:
        super()._remember(before)
        try:
            wish_of(self.config, self["prompt"])
        except ValueError:
            self.inputs["prompt"].value = self.prompt  # nothing would be shown

    def _update(self):
        asked = {name: self[name] for name in self.inputs if name != "film"}
        try:
            if asked != self.asked:
                self._make(asked)
            self._say(self.said)
        except ValueError as error:
            self._say(str(error))
        if self.states:
            state = self.states[min(self["film"], len(self.states)) - 1]
            self._show(state, self.palette, self.kept_try)

    def _make(self, asked: dict) -> None:
        """Sample what is asked for, showing it, and keep the best try.

        ValueError if the prompt is not understood; then what was there is kept.
        """
        wish = wish_of(self.config, asked["prompt"])
        palette = palette_for(self.config, wish.family, 0)
        materials, wish = materials_of(wish, palette)
        self._say(wish.answer)
        tries, seeds = asked["tries"], seeds_of(asked["seed"], asked["tries"])
        ranker = shipped_ranker(self.config) if tries > 1 else Wholeness()
        rounds, films = rounds_of(tries, ranker.enough), []

        def palette_of(number: int) -> Palette:
            return changed(palette_for(self.config, wish.family, seeds[number]), materials)

        def watch(state: State) -> None:
            if state.step == 1:
                films.append([])
            films[-1].append(state)
            first = rounds[len(films) - 1].start
            self._show(state, palette_of(first), first)
            if hasattr(self, "box"):  # not on screen before
                self.canvas.png = self.stage.png()

        best = best_of(
            tries,
            ranker,
            self.denoiser,
            self.config,
            [wish.text],
            [asked["seed"]],
            edits=self.critic.steering(asked["steering"]) if self.critic else None,
            watch=watch,
            steps=asked["steps"],
            guidance_scale=asked["scale"],
        )
        kept = seeds.index(best.seeds[0])
        film, numbers = next(pair for pair in zip(films, rounds, strict=False) if kept in pair[1])
        self.states = [_only(kept - numbers.start, state) for state in film]
        self.asked, self.wish, self.palette, self.kept_try = asked, wish, palette_of(kept), kept
        tried = rounds[len(films) - 1].stop
        chosen = f"kept try {kept + 1} of {tried}" if tried > 1 else ""
        enough = f"try {kept + 1} is good enough" if tried < tries else ""
        self.said = "; ".join(filter(None, [wish.answer, enough or chosen]))

    def _show(self, state: State, palette: Palette, number: int) -> None:
        """Show the first shape of a state, which belongs to the try of this number."""
        noisy, guess = (to_numpy(part[0, 0]) for part in (state.x_t, state.x0))
        slots = np.ones(guess.shape, np.uint8)
        if len(palette) > 1:
            slots = to_numpy(slots_from_model(state.x0[:1], len(palette)))[0]
        picture = render_materials(guess, slots, SIDE, colours=list(palette.values()))
        self.views[0].set_data(enlarged(middle_slice(noisy)[None], SIDE)[0])
        self.views[1].set_data(picture)
        which = f"try {number + 1}: " if self["tries"] > 1 else ""
        self.titles[0].set_text(f"a slice of $x_t$, t = {state.t:.2f}")
        self.titles[1].set_text(f"{which}the guess in step {state.step} of {state.steps}")

    def shape(self) -> Generated:
        """Return the shape as it is now, repaired, in its materials.

        ValueError if there is none yet, because no prompt was understood.
        """
        if not self.states:
            raise ValueError("there is no shape yet")
        x, prompt, seed = self.states[-1].x_t[0], self.asked["prompt"], self.asked["seed"]
        kept_seed = seeds_of(seed, self.kept_try + 1)[-1]
        return finish(x, prompt, seed, kept_seed, self.wish.family, self.palette, self.wish)

    def save(self, file: str | Path | None = None) -> None:
        """Write the mesh, by default to a file named after prompt and seed.

        The line under the picture says where and how large it is, or what is wrong.
        """
        try:
            with TURN:
                shape = self.shape()
            if not shape.shape.any():
                raise ValueError("the shape is empty; try another seed")
            file = Path(file or f"{file_name(shape.prompt)}-{shape.seed}.glb")
            extents = shape.export(file)
            closed = "watertight" if is_watertight(shape.mesh) else "not watertight"
            self._say(f"{file}: {len(shape.mesh.faces)} triangles, {closed}, {extents}")
        except (ValueError, OSError) as error:
            self._say(str(error))

    def _twin(self):
        if not self.states:
            return Message(self.words.value)
        finishes = list(self.palette.values())
        colour = finishes if len(finishes) > 1 else finishes[0].colour
        return sampling_film(self.states, colour=colour)


class Message:
    """HTML that stands in a saved notebook for a film that there is not."""

    def __init__(self, text: str):
        self.text = text

    def _repr_mimebundle_(self) -> tuple[dict, dict]:
        return {"text/html": self.text}, {}


def _only(row: int, state: State) -> State:
    """Return a state of one shape of a batch; the others are let go."""
    x_t, x0 = (part[row : row + 1].clone() for part in (state.x_t, state.x0))
    return state._replace(x_t=x_t, x0=x0)
