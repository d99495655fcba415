"""Lamps for floor and table, arc lamps and desk lamps."""

import math
from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Box, Draws, Interval, Loft, Plan, Rod, disc, span


def draw(draws: Draws) -> Plan:
    kind = draws.pick("floor", "table", "arc", "desk")
    shade = draws.pick("dome", "cone") if kind == "desk" else draws.pick("cone", "drum", "globe", "dome", "box")
    foot = draws.pick("round", "square", "tripod") if kind == "floor" else draws.pick("round", "square")
    body = draws.pick("slim", "ball", "vase") if kind == "table" else "slim"

    height = draws.between(0.76, 0.94)
    pole = draws.between(THIN, 0.09) / 2
    if kind in ("floor", "table"):
        parts = _upright_lamp(draws, kind, body, shade, foot, height, pole)
    elif kind == "arc":
        parts = _arc_lamp(draws, shade, foot, height, pole)
    else:
        parts = _desk_lamp(draws, shade, foot, pole)
    attributes = {"kind": kind, "shade": shade, "foot": foot, "body": body}
    shades = {"cone": "a conical shade", "drum": "a cylindrical shade", "globe": "a round globe"}
    shades |= {"dome": "a dome-shaped shade", "box": "a square shade"}
    details = [shades[shade], "three legs" if foot == "tripod" else f"a {foot} foot"]
    details += {"ball": ["a ball-shaped body"], "vase": ["a conical body"]}.get(body, [])
    details += {"arc": ["a curved arm"], "desk": ["a jointed arm"]}.get(kind, [])
    return Plan(parts, attributes, [f"{kind} lamp", f"{kind} lamp", "lamp"], [], details)


def _shade(draws: Draws, shade: str, x: float, y: float, z: Interval, half: float) -> Loft:
    deep = half * draws.between(0.75, 1.0) if shade in ("drum", "box") else half
    tip = draws.between(0.3, 0.65) if shade == "cone" else draws.pick(1.0, draws.between(0.5, 0.75))
    if shade in ("globe", "dome"):
        tip = 1.0
    elif shade == "drum":
        tip = draws.between(0.9, 1.0)
    curve = {"globe": "ball", "dome": "dome"}.get(shade, "straight")
    return Loft(z, (x, y, half, deep), (x, y, tip * half, tip * deep), round=shade != "box", curve=curve)


def _lamp_foot(draws: Draws, foot: str, y: float, half: float) -> list[Box | Loft]:
    rim = draws.between(THIN, 0.1)
    if foot == "square":
        return [Box(span(0.0, 2 * half), span(y, 2 * half), (0.0, rim))]
    tip = draws.pick(1.0, draws.between(0.4, 0.7)) * half
    return [Loft((0.0, rim), (0.0, y, half, half), (0.0, y, tip, tip), round=True)]


def _upright_lamp(
    draws: Draws, kind: str, body: str, shade: str, foot: str, height: float, pole: float
) -> list[Box | Loft | Rod]:
    if kind == "floor":
        half, tall, foot_half = draws.between(0.12, 0.25), draws.between(0.16, 0.34), draws.between(0.11, 0.2)
    else:
        half, tall, foot_half = draws.between(0.22, 0.38), draws.between(0.22, 0.42), draws.between(0.13, 0.24)
    if shade == "globe":
        half *= 0.8
        tall = 2 * half * draws.between(0.85, 1.0)
    low = height - tall
    joint = low * draws.between(0.5, 1.0) if foot == "tripod" else 0.0  # where the pole begins
    parts = [_shade(draws, shade, 0.0, 0.0, (low, height), half)]
    parts.append(disc(0.0, 0.0, (max(0.0, joint - pole), low + tall / 3), pole, pole))
    if foot == "tripod":
        reach = draws.between(0.2, 0.32)
        for x, y in ((-0.87, -0.5), (0.87, -0.5), (0.0, 1.0)):
            parts.append(Rod((x * reach, y * reach, pole), (0.0, 0.0, joint), max(pole, 0.036)))
        return parts
    parts += _lamp_foot(draws, foot, 0.0, foot_half)
    waist, top = draws.between(0.1, 0.17), low - draws.between(0.0, 0.2) * low
    if body == "ball":
        parts.append(Loft((0.03, top), (0.0, 0.0, waist, waist), (0.0, 0.0, waist, waist), round=True, curve="ball"))
    if body == "vase":
        parts.append(Loft((0.03, top), (0.0, 0.0, waist, waist), (0.0, 0.0, pole, pole), round=True))
    return parts


def _arc_lamp(draws: Draws, shade: str, foot: str, height: float, pole: float) -> list[Box | Loft | Rod]:
    """A pole at the back that bends over to the front in half an ellipse and holds the shade there."""
    reach, bend = draws.between(0.4, 0.56), height * draws.between(0.25, 0.4)
    half, tall = draws.between(0.12, 0.19), draws.between(0.16, 0.26)
    tall = 2 * half if shade == "globe" else tall
    middle, spring = 0.0, height - pole - bend
    angles = np.linspace(0.0, 0.9 * np.pi, 8)
    bow = [(0.0, middle + reach / 2 * math.cos(a), spring + bend * math.sin(a)) for a in angles]
    end_y, end_z = bow[-1][1], bow[-1][2] + pole
    parts = [Rod(a, b, pole) for a, b in pairwise(bow)]
    parts += [Rod((0.0, bow[0][1], 0.03), bow[0], pole), *_lamp_foot(draws, foot, bow[0][1], draws.between(0.12, 0.19))]
    return [*parts, _shade(draws, shade, 0.0, end_y, (end_z - tall, end_z), half)]


def _desk_lamp(draws: Draws, shade: str, foot: str, pole: float) -> list[Box | Loft | Rod]:
    """Two straight arms with a joint at the back, and a head that looks down at the front."""
    joint = (0.0, draws.between(0.12, 0.3), draws.between(0.4, 0.55))
    head = (0.0, -draws.between(0.2, 0.34), draws.between(0.76, 0.88))
    half, tall = draws.between(0.13, 0.22), draws.between(0.16, 0.26)
    parts = [Rod((0.0, 0.0, 0.03), joint, pole), Rod(joint, head, pole)]
    parts += _lamp_foot(draws, foot, 0.0, draws.between(0.16, 0.27))
    top = head[2] + pole
    return [*parts, _shade(draws, shade, 0.0, head[1], (top - tall, top), half)]
