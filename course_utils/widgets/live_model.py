"""A shipped model that the notebook's page runs itself, even while the kernel is busy or gone.

The page uses the site's modules (`docs/web/live`), not a second sampler. The kernel sends them
once, together with onnxruntime-web (14 MB, which npm fetches), the model as ONNX and the reader of
sentences. `python3 course.py site` puts all in place; without them, as in a saved notebook, a film
of the same shape is shown instead of the box. The box also opens with that film.
"""

from functools import cached_property
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from torch import Tensor

from course_utils.diffusion.sampling import State
from course_utils.geometry.matter import CELLS, pack_matter, slots_from_model
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.generated import changed, finished_slots, palette_for
from course_utils.models.onnx import exported
from course_utils.models.prompting import sampling_states
from course_utils.models.reader_export import reader_exported
from course_utils.models.wishes import materials_of, wish_of
from course_utils.places import BUNDLES, CHECKPOINTS, LIVE, LIVE_MODELS, RUNTIME
from course_utils.plots.film import Film, sampling_film

VIEWER = "viewer.bundle.js"  # the one file of the page that does not lie in LIVE
OPENING = "opening.film"  # the film that the box opens with
READER = "reader"  # the folder of LIVE_MODELS with what reads sentences
NEEDED = "ort-wasm-simd-threaded.wasm"  # the rest of the runtime comes with it
REMEDY = (
    "Here a film stands for the live model: {} is missing, which `python3 course.py site` fetches"
    " (it needs npm)."
)


class LiveModel(anywidget.AnyWidget):
    """A box that asks a model for shapes, which the page itself computes.

    Args:
        name: A folder in data/checkpoints.
        prompt: The text that the box holds at first and that the film shows; any sentence.
        seed: The seed that belongs to it.

    Raises:
        ValueError: The checkpoint is unknown, the model makes no such thing, or it is no seed.
    """

    _esm = BUNDLES / "live_model.bundle.js"  # of docs/web/widgets/live_model.js
    name = traitlets.Unicode().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(self, name: str, prompt: str, seed: int = 0):
        self.denoiser, self.config = load_checkpoint(CHECKPOINTS / name)
        wish = wish_of(self.config, prompt)
        self._sampling = sampling_states(self.denoiser, self.config, [wish.text], [seed])
        palette = palette_for(self.config, wish.family, seed)
        self._finishes = list(changed(palette, materials_of(wish, palette)[0]).values())
        super().__init__(name=name, prompt=prompt, seed=seed)
        self.on_msg(self._answer)

    def missing(self) -> str:
        """Name what the page needs to run the model and does not have; "" if nothing is missing."""
        if not (RUNTIME / NEEDED).exists():
            return "onnxruntime-web"
        if not reader_exported(LIVE_MODELS / READER):
            return "the reader of sentences"
        return "" if exported(LIVE_MODELS / self.name, self.config) else f"{self.name} as ONNX"

    @cached_property
    def states(self) -> list[State]:
        """The states of the sampler, run by the kernel, for the shape that the box makes first."""
        return list(self._sampling)

    @cached_property
    def film(self) -> Film:
        """A film of the shape that the box makes first, in its materials; made by the kernel."""
        one = len(self._finishes) == 1
        return sampling_film(
            self.states, colour=self._finishes[0].colour if one else self._finishes
        )

    def opening(self) -> bytes:
        """Return the film that the box opens with, see `packed`."""
        return packed(self.states, len(self._finishes))

    def _answer(self, _, content: dict, buffers: list) -> None:
        file = content["file"]
        try:
            self.send(
                {"file": file},
                [self.opening() if file == OPENING else place_of(file).read_bytes()],
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


def packed(states: list[State], slots: int) -> bytes:
    """Pack a film for the box: the guess of x0 at each step, then the shape; a byte per voxel.

    The bytes are those of `geometry.matter`; what is above 0 stays above 0.

    Args:
        states: Of a sampler, of one shape each.
        slots: How many slots the shape has.
    """
    frames = [*(state.x0 for state in states[:-1]), states[-1].x_t]
    return b"".join(_matter(frame.cpu(), slots).tobytes() for frame in frames)


def _matter(x: Tensor, slots: int) -> np.ndarray:
    """What a model drew, (1, C, D, H, W), as matter, uint8 (D, H, W); slot 0 where it has none."""
    field = x[0, 0].numpy()
    cells = np.ceil(CELLS * (field.clip(-1, 1) + 1) / 2 - 0.5).astype(np.uint8)
    if x.shape[1] == 1:
        return cells
    found = slots_from_model(x, slots)[0].numpy()
    return pack_matter(cells, finished_slots(found, field, field))


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
