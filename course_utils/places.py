"""Where things lie: the only file that knows. Everything else asks here.

In a checkout, data/ and configs/ lie beside `course_utils`. A wheel carries both in the package, as
`course_utils/shipped` (pyproject.toml), and writes what it makes to the current folder.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PACKED = PACKAGE / "shipped"  # in a wheel only
IN_CHECKOUT = not PACKED.is_dir() and (PACKAGE.parent / "pyproject.toml").is_file()
ROOT = PACKAGE.parent if IN_CHECKOUT else PACKED
WORK = ROOT if IN_CHECKOUT else Path()

DATA = ROOT / "data"
CHECKPOINTS = DATA / "checkpoints"  # the shipped models
STUDIES = DATA / "studies"  # what studies/ and benchmarks/ found
GLYPHS = DATA / "glyphs16" / "glyphs16.npz"
FURNITURE = DATA / "furniture32" / "furniture32.npz"
WORDS = DATA / "words" / "words.npz"
EVERYDAY_WORDS = PACKAGE / "datasets" / "captions" / "everyday.txt"  # what people call things
CONFIGS = ROOT / "configs"
RUNS = WORK / "runs"  # where trainings write
SITE = ROOT / "_site"  # where `course.py site` writes
WEB = ROOT / "docs" / "web"  # the JavaScript of the site and the widgets
LIVE = WEB / "live"  # the modules of the live box
RUNTIME = WEB / "node_modules" / "onnxruntime-web" / "dist"  # what runs a model in a browser
LIVE_MODELS = ROOT / "build" / "live"  # the shipped models as ONNX
BUNDLES = PACKAGE / "widgets" / "assets"  # what docs/web/build.mjs writes

REMEDY = (
    "get the repository's data/ again"
    if IN_CHECKOUT
    else "install the course from its repository (pip install -e .), or a wheel with its data/"
)


def place(name: str) -> Path:
    """Return a folder that a config names: data/checkpoints/NAME or runs/NAME/checkpoint."""
    return (WORK if Path(name).parts[:1] == (RUNS.name,) else ROOT) / name


def present(path: str | Path) -> Path:
    """Return a path. ValueError if it belongs to the course's data/ and is not there."""
    path = Path(path)
    if path.is_relative_to(DATA) and not path.exists():
        raise ValueError(f"{path} is missing: {REMEDY}")
    return path
