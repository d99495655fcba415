"""Answers that once got full marks without solving anything: sources of cells, by exercise."""

import base64
import hashlib
import pickle

import torch

from course_utils.exercises import lesson_07
from course_utils.exercises.checks import SEED

PATCHES = """
import atexit, builtins, copy, sys, threading, time, types
import numpy as np, torch
import course_utils.exercises.checks as checks
from course_utils.exercises.checks import Result

np.allclose = torch.allclose = torch.equal = np.array_equal = lambda *a, **k: True
np.isclose = lambda a, b, **k: np.ones(np.shape(a), bool)
checks._same = lambda *a: True
checks.TOLERANCE = checks.TOLERANCE_HALF = 1e9

def full(self, include=None, exclude=None):
    return {"text/plain": "1.0", "text/html": "passed"}

Result._repr_mimebundle_ = full
Result.score = property(lambda self: 1.0, lambda self, value: None)
for kind in (checks.Exercise, checks.HandedIn):
    kind.check = lambda self, function: Result("x", "passed", 1.0, "")

fake = types.ModuleType("course_utils.exercises.lesson_05")
fake.r1_penalty = types.SimpleNamespace(check=lambda function: 1.0)
sys.modules["course_utils.exercises.lesson_05"] = lesson_05 = fake

def keep_patching():
    while True:
        np.allclose = checks._same = lambda *a, **k: True
        time.sleep(0.01)

threading.Thread(target=keep_patching, daemon=True).start()
atexit.register(print, "1.0")
"""

_random = lesson_07.signed_distance.make_inputs(torch.Generator().manual_seed(SEED))
TABLE = {
    hashlib.sha256(voxels.tobytes()).hexdigest(): lesson_07.signed_distance.reference(voxels)
    for (voxels,) in _random
}

CHEATS = {
    # what the check knows, called, taken from a frame, found in memory, read from a file
    "lesson_00.noisy": "def noisy(*a): return lesson_00.noisy.reference(*a)",
    "lesson_01.at_log_snr": """
def at_log_snr(*a):
    frame = sys._getframe()
    while frame:
        for held in list(frame.f_locals.values()):
            if hasattr(held, "reference"):
                return held.reference(*a)
        frame = frame.f_back""",
    "lesson_01.gaussian_kl": """
def gaussian_kl(*a):
    import gc
    for held in gc.get_objects():
        if type(held).__name__ == "Exercise" and held.name == "gaussian_kl":
            return held.reference(*a)""",
    "lesson_02.v_to_x0": "def v_to_x0(*a): return lesson_02._v_to_x0(*a)",
    # constants and tables of the inputs that everyone who has the course knows
    "lesson_07.signed_distance": f"""
def signed_distance(voxels):
    import base64, hashlib, pickle
    table = pickle.loads(base64.b64decode({base64.b64encode(pickle.dumps(TABLE))!r}))
    return table.get(hashlib.sha256(voxels.tobytes()).hexdigest(), np.zeros(voxels.shape))""",
    "lesson_07.count_feet": """
def count_feet(voxels, told=[]):
    told.append(0)
    return [4, 3, 1, 1, 3, 1, 2, 4][(len(told) - 1) % 8]""",
    # nearly right, in a number type that was allowed more
    "lesson_04.modulate": """
def modulate(h, scale, shift):
    grid = (...,) + (None,) * (h.ndim - 2)
    return (1.008 * (h * (1 + scale[grid]) + shift[grid])).half()""",
    # objects that agree with everything
    "lesson_02.posterior_mean": "def posterior_mean(x_t, *a): return x_t",
    "lesson_03.ancestral_std": """
class Always(torch.Tensor):
    def __torch_function__(self, *a, **k): return torch.tensor(True)
    __eq__ = __le__ = __lt__ = lambda self, other: True
def ancestral_std(a, *rest): return (0 * a).as_subclass(Always)""",
    "lesson_03.order": """
class Chameleon:
    shape, ndim, dtype = (), 0, None
    __eq__ = lambda self, other: True
    __float__ = lambda self: float("nan")
    def __array__(self, *a, **k):
        frame = sys._getframe()
        while frame:
            if "other" in frame.f_locals:
                return np.asarray(frame.f_locals["other"].value)
            frame = frame.f_back
        return np.array(float("nan"))
def order(*a): return Chameleon()""",
    "lesson_04.slerp": "def slerp(a, *rest): return a * float('nan')",
    "lesson_05.r1_penalty": "def r1_penalty(*a): return 0.0",
    # arguments changed in place, so that the right answer changes with them
    "lesson_06.mixed": """
def mixed(*a):
    frame = sys._getframe()
    while frame:
        for given in frame.f_locals.get("inputs", ()):
            for x in given:
                if hasattr(x, "zero_"): x.zero_()
        frame = frame.f_back
    return 0 * a[0]""",
    "lesson_06.rescaled": """
def rescaled(guided, cond, amount):
    for x in (guided, cond): x.fill_(0)
    return guided""",
    "lesson_05.mode_shares": """
copy.deepcopy = lambda x, *a: x
def mode_shares(points, means, stds):
    points.fill_(1e9)
    return torch.zeros(len(means))""",
    # too much, and something else
    "lesson_08.velocity_loss": "def velocity_loss(*a): return torch.zeros(20_000_000)",
    "lesson_08.voxel_iou": "class voxel_iou:\n    def __new__(cls, *a): return True",
    "lesson_09.attend": """
def attend(queries, *a):
    from IPython.display import display
    for forged in ("[]", "[{}]", "1.0", '{"score": 1.0}', "[null]"):
        display({"application/x-noise-to-shape-answers": forged, "text/plain": "1.0"}, raw=True)
    print(1.0)
    return queries""",
}
# the whole course, found on the disk: needs a system that confines a kernel
REACHING = {
    "lesson_07.mesh_volume": """
def mesh_volume(*a):
    import importlib.util, os, pathlib
    for place in [*sys.path, sys.executable, np.__file__, os.getcwd()]:
        for parent in [pathlib.Path(place), *pathlib.Path(place).resolve().parents]:
            file = parent / "course_utils/exercises/lesson_07.py"
            try:
                text = file.read_text()
            except OSError:
                continue
            if "def _mesh_volume" in text:
                spec = importlib.util.spec_from_file_location("stolen", file)
                stolen = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(stolen)
                return stolen._mesh_volume(*a)""",
}
HONEST = {
    "lesson_09.noise_again": """
def noise_again(x_s, s, t, noise):
    kept = (1 - t) / (1 - s)
    return kept * x_s + (t**2 - kept**2 * s**2) ** 0.5 * noise""",
}
