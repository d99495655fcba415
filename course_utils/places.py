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
