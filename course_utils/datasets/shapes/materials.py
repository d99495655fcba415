"""Materials: what the slots of a shape look like, as named colours and stuffs with a surface.

A palette gives each slot of a shape a material (`files.materials`).
"""

from course_utils.files.materials import Material


def _group(table: str, metallic: float, roughness: float) -> dict[str, Material]:
    pairs = (entry.split() for entry in table.split(","))
    return {name: Material(name, f"#{colour}", metallic, roughness) for name, colour in pairs}


PAINTS = _group(
    "white f2f0ea, grey 8d9196, black 2b2b2e, red c8362f, orange e27f2c, yellow f0c33c,"
    "green 4d8f4b, turquoise 3aa6a0, blue 3569b5, navy 26395f, purple 7a4f9a, pink e39ab4",
    0.0,
    0.6,
)
FABRICS = _group(
    "cream ece0c8, beige cdb592, brown 7a5238, olive 7c7f45, burgundy 7b2c3b, mustard c9982f",
    0.0,
    0.9,
)
WOODS = _group(
    "oak c19a63, pine e0bf8a, walnut 6d4a32, cherry 9c5534, birch e6d3ae, ebony 3a2d28", 0.0, 0.65
)
METALS = _group(
    "steel b4b9be, iron 4a4c50, brass c9a24b, copper c0764a, gold e0b94f, bronze 8c6a3f", 1.0, 0.35
)
STONES = _group(
    "stone a8a296, marble e4e2de, concrete b5b3ae, brick a9543f, slate 565d66, terracotta c8714a",
    0.0,
    0.9,
)
GREENS = _group("leafy 4f8a3a, dark 2f5e3a, mossy 7a9147, golden c79a3a, rusty b4582f", 0.0, 0.95)
GLASS = _group("glass 9fc4d4", 0.0, 0.25)
OTHERS = _group("rubber 2e2f31, earthy 6b4c35, thatched bf9f5c", 0.0, 0.9)
# groups of names, for families to choose from
COLOURS, CLOTHS, TIMBERS, METALLIC = (tuple(group) for group in (PAINTS, FABRICS, WOODS, METALS))
MATERIALS = PAINTS | FABRICS | WOODS | METALS | STONES | GREENS | GLASS | OTHERS

Palette = dict[str, Material]  # a material for each slot
