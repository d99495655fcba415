"""A shipped model run by the notebook's page itself, as on the site.

It answers even while the kernel is busy or gone. The page's programs are those of the site
(`docs/live`), not a second sampler. The kernel sends once what they need: onnxruntime-web (14 MB,
which npm fetches) and the model as ONNX. `python3 course.py site` puts both here; without them, as
in a saved notebook, a film of the same shape is shown in place of the box. The box opens with that
film too.
"""

from functools import cached_property
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from course_utils.diffusion.sampling import State
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.onnx import exported
from course_utils.models.prompting import sampling_states
from course_utils.places import CHECKPOINTS, ROOT
from course_utils.plots.film import Film, sampling_film
from course_utils.widgets.sculptor import BUNDLE

LIVE = ROOT / "docs" / "live"
RUNTIME = LIVE / "node_modules" / "onnxruntime-web" / "dist"
MODELS = ROOT / "build" / "live"
OPENING = "opening.bin"  # the film that the box opens with
NEEDED = "ort-wasm-simd-threaded.wasm"  # the rest of the runtime comes with it
REMEDY = (
    "Here a film stands for the live model: {} is missing, which `python3 course.py site` fetches"
    " (it needs npm)."
)


class LiveModel(anywidget.AnyWidget):
    """A box to ask a model for shapes, computed in the page. ValueError for an unknown prompt.

    Args:
        name: Of a folder in data/checkpoints.
        prompt: What the box holds at first, and what the film shows.
        seed: Likewise.
    """

    _esm = Path(__file__).with_suffix(".js")
    name = traitlets.Unicode().tag(sync=True)
    way = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(self, name: str, prompt: str, seed: int = 0):
        self.denoiser, self.config = load_checkpoint(CHECKPOINTS / name)
        self._sampling = sampling_states(self.denoiser, self.config, [prompt], [seed])
        way = "text" if "words" in self.config else "class"
        super().__init__(name=name, way=way, prompt=prompt, seed=seed)
        self.on_msg(self._answer)

    def missing(self) -> str:
        """Return what the page lacks to run the model, "" if nothing."""
        if not (RUNTIME / NEEDED).exists():
            return "onnxruntime-web"
        return "" if exported(MODELS / self.name, self.config) else f"{self.name} as ONNX"

    @cached_property
    def states(self) -> list[State]:
        """The sampler's states, from the kernel, for the shape that the box shows first."""
        return list(self._sampling)

    @cached_property
    def film(self) -> Film:
        """The film of the shape that the box shows first, from the kernel."""
        return sampling_film(self.states)

    def _answer(self, _, content: dict, buffers: list) -> None:
        file = content["file"]
        try:
            self.send(
                {"file": file},
                [packed(self.states) if file == OPENING else place_of(file).read_bytes()],
            )
        except OSError as error:
            self.send(
                {
                    "file": file,
                    "error": f"The kernel cannot read {error.filename}: {error.strerror}.",
                }
            )
        except ValueError as error:
            self.send({"file": str(file), "error": str(error)})

    def _repr_mimebundle_(self, **kwargs):
        """Return the film, and the box where it can run.

        The build takes the box out of saved notebooks; the film remains.
        """
        film, described = self.film._repr_mimebundle_()
        if self.missing():
            print(REMEDY.format(self.missing()))
            return film, described
        live, metadata = super()._repr_mimebundle_(**kwargs)
        return film | live, metadata | described


def packed(states: list[State]) -> bytes:
    """Return a film for the box: the guess at each step, then the shape, one bit per voxel."""
    fields = [*(state.x0 for state in states[:-1]), states[-1].x_t]
    return b"".join(
        np.packbits(field[0].numpy() > 0, bitorder="little").tobytes() for field in fields
    )


def place_of(file: str) -> Path:
    """Return the place of a file that the page knows by its place on the site.

    ValueError if it is outside the page's folders.
    """
    if file == BUNDLE.name:
        return BUNDLE
    start, _, rest = file.partition("/")
    folder, name = {"runtime": (RUNTIME, rest), "models": (MODELS, rest)}.get(start, (LIVE, file))
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{file!r} is none of the page's files")
    return folder / name
