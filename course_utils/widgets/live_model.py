"""A shipped model that the notebook's page runs itself, even while the kernel is busy or gone.

The page uses the site's modules (`docs/web/live`), not a second sampler. The kernel sends them
once, together with onnxruntime-web (14 MB, which npm fetches) and the model as ONNX. `python3
course.py site` puts both in place; without them, as in a saved notebook, a film of the same shape
is shown instead of the box. The box also opens with that film.
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
from course_utils.models.wishes import wish_of
from course_utils.places import BUNDLES, CHECKPOINTS, LIVE, LIVE_MODELS, RUNTIME
from course_utils.plots.film import Film, sampling_film

VIEWER = "viewer.bundle.js"  # the one file of the page that does not lie in LIVE
OPENING = "opening.film"  # the film that the box opens with
NEEDED = "ort-wasm-simd-threaded.wasm"  # the rest of the runtime comes with it
REMEDY = (
    "Here a film stands for the live model: {} is missing, which `python3 course.py site` fetches"
    " (it needs npm)."
)


class LiveModel(anywidget.AnyWidget):
    """A box that asks a model for shapes, which the page itself computes.

    Args:
        name: A folder in data/checkpoints.
        prompt: The class or text that the box holds at first and that the film shows.
        seed: The seed that belongs to it.

    Raises:
        ValueError: The checkpoint, the prompt or the seed is unknown to the model.
    """

    _esm = BUNDLES / "live_model.bundle.js"  # of docs/web/widgets/live_model.js
    name = traitlets.Unicode().tag(sync=True)
    way = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(self, name: str, prompt: str, seed: int = 0):
        self.denoiser, self.config = load_checkpoint(CHECKPOINTS / name)
        prompt = wish_of(self.config, prompt).text
        self._sampling = sampling_states(self.denoiser, self.config, [prompt], [seed])
        way = "text" if self.config.words else "class"
        super().__init__(name=name, way=way, prompt=prompt, seed=seed)
        self.on_msg(self._answer)

    def missing(self) -> str:
        """Name what the page needs to run the model and does not have; "" if nothing is missing."""
        if not (RUNTIME / NEEDED).exists():
            return "onnxruntime-web"
        return "" if exported(LIVE_MODELS / self.name, self.config) else f"{self.name} as ONNX"

    @cached_property
    def states(self) -> list[State]:
        """The states of the sampler, run by the kernel, for the shape that the box makes first."""
        return list(self._sampling)

    @cached_property
    def film(self) -> Film:
        """A film of the shape that the box makes first, computed by the kernel."""
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
        """Display the film, and the box where it can run.

        The build removes the box from saved notebooks; the film remains.
        """
        film, described = self.film._repr_mimebundle_()
        if self.missing():
            print(REMEDY.format(self.missing()))
            return film, described
        live, metadata = super()._repr_mimebundle_(**kwargs)
        return film | live, metadata | described


def packed(states: list[State]) -> bytes:
    """Pack a film for the box: the guess of x0 at each step, then the shape.

    A voxel has four bits, -1 to 1 in 16 levels: what is above 0 stays above 0. The first voxel of
    two has the upper four.
    """
    fields = [*(state.x0 for state in states[:-1]), states[-1].x_t]
    packed_fields = []
    for field in fields:
        levels = np.clip(np.floor(8 * field[0].numpy() + 8), 0, 15).astype(np.uint8).reshape(-1, 2)
        packed_fields.append((levels[:, 0] << 4 | levels[:, 1]).tobytes())
    return b"".join(packed_fields)


def place_of(file: str) -> Path:
    """Return the path of a file that the page names by its place on the site.

    ValueError for one outside the page's folders.
    """
    if file == VIEWER:
        return BUNDLES / VIEWER
    start, _, rest = file.partition("/")
    folder, name = {"runtime": (RUNTIME, rest), "models": (LIVE_MODELS, rest)}.get(
        start, (LIVE, file)
    )
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{file!r} is not one of the page's files")
    return folder / name
