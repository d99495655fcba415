"""The prompt box of lesson 09: type words, watch a shape form, replay its steps, save it."""

import html
from pathlib import Path

import numpy as np
from ipywidgets import HTML, Button, FloatSlider, IntSlider, Text

from course_utils.diffusion.sampling import State
from course_utils.geometry.surface import is_watertight
from course_utils.models.config import Config
from course_utils.models.generated import Generated, finish, palette_for
from course_utils.models.generation import file_name
from course_utils.models.prompting import sampling_states
from course_utils.models.ranking import Agreement
from course_utils.models.wishes import wish_of
from course_utils.plots.film import sampling_film
from course_utils.plots.pictures import enlarged
from course_utils.plots.stills import middle_slice, render
from course_utils.plots.style import MODEL
from course_utils.widgets.control import Control

SIDE = 300  # pixels of the picture of the shape
HIGHEST = 6.0  # guidance scale
STRONGEST = 0.4  # steering
MOST_STEPS = 32


class PromptBox(Control):
    """A shape for a prompt, drawn while the sampler runs.

    `film` goes back through the steps, "Save mesh" writes a .glb. If the model does not understand
    a prompt, a line under the picture says so, and the shape stays.

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`. A model that reads takes texts, any other the
            names of its classes.
        prompt: What the box holds at first.
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
        self.wish, self.states = None, []
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

    def _update(self):
        wish = tuple(self[name] for name in self.inputs if name != "film")
        self._say("")
        if wish != self.wish:
            try:
                states = self._sampling()
            except ValueError as error:
                self._say(str(error))
                return
            self.wish, self.states = wish, []
            for state in states:
                self.states.append(state)
                self._show(state)
                if hasattr(self, "box"):  # not on screen before
                    self.canvas.png = self.stage.png()
        self._show(self.states[min(self["film"], len(self.states)) - 1])

    def _sampling(self):
        prompt = wish_of(self.config, self["prompt"]).text
        how = {"steps": self["steps"], "guidance_scale": self["scale"]}
        if self.critic:
            how["edit"] = self.critic.steering(self["steering"])([prompt])
        return sampling_states(self.denoiser, self.config, [prompt], [self["seed"]], **how)

    def _show(self, state: State) -> None:
        noisy, guess = (part[0, 0].numpy() for part in (state.x_t, state.x0))
        self.views[0].set_data(enlarged(middle_slice(noisy)[None], SIDE)[0])
        self.views[1].set_data(render(guess, SIDE, colour=MODEL))
        self.titles[0].set_text(f"a slice of $x_t$, t = {state.t:.2f}")
        self.titles[1].set_text(f"the guess in step {state.step} of {state.steps}")

    def shape(self) -> Generated:
        """Return the shape as it is now, repaired, in the materials of its seed."""
        prompt, seed = self.wish[:2]
        family = wish_of(self.config, prompt).family
        palette = palette_for(self.config, family, seed)
        return finish(self.states[-1].x_t[0], prompt, seed, seed, family, palette)

    def save(self, file: str | Path | None = None) -> None:
        """Write the mesh, by default to a file named after prompt and seed.

        The line under the picture says where and how large it is, or what is wrong.
        """
        try:
            if not self.states:
                raise ValueError("there is no shape yet")
            shape = self.shape()
            if not shape.shape.any():
                raise ValueError("the shape is empty; try another seed")
            file = Path(file or f"{file_name(self.wish[0])}-{self.wish[1]}.glb")
            extents = shape.export(file)
            closed = "watertight" if is_watertight(shape.mesh) else "not watertight"
            self._say(f"{file}: {len(shape.mesh.faces)} triangles, {closed}, {extents}")
        except (ValueError, OSError) as error:
            self._say(str(error))

    def _twin(self):
        return sampling_film(iter(self.states))
