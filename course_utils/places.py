"""Where things lie: the only file that knows. Everything else asks here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the checkout; a config names folders from here
DATA = ROOT / "data"
CHECKPOINTS = DATA / "checkpoints"  # the shipped models
STUDIES = DATA / "studies"  # what studies/ and benchmarks/ found
GLYPHS = DATA / "glyphs16" / "glyphs16.npz"
FURNITURE = DATA / "furniture32" / "furniture32.npz"
CONFIGS = ROOT / "configs"
RUNS = ROOT / "runs"  # where trainings write
SITE = ROOT / "_site"  # where `course.py site` writes
WEB = ROOT / "docs" / "web"  # the JavaScript of the site and the widgets
LIVE = WEB / "live"  # the modules of the live box
RUNTIME = WEB / "node_modules" / "onnxruntime-web" / "dist"  # what runs a model in a browser
LIVE_MODELS = ROOT / "build" / "live"  # the shipped models as ONNX
BUNDLES = Path(__file__).resolve().parent / "widgets" / "assets"  # what docs/web/build.mjs writes
