"""Tables: low, medium and tall."""

from course_utils.datasets.shapes.drawing import THIN, Box, Draws, Loft, Plan, corners, disc, leg, slab, span


def draw(draws: Draws) -> Plan:
    size = draws.pick("low", "medium", "tall")
    top = draws.pick("rectangular", "rectangular", "rectangular", "round", "oval")
    base = draws.pick("four legs", "four legs", "pedestal", "trestle", "side panels")
    if top == "round" and base in ("trestle", "side panels"):
        base = "four legs"

    ratio = {"low": (0.32, 0.48), "medium": (0.56, 0.85), "tall": (1.1, 1.6)}[size]
    slimness = {"rectangular": (0.45, 1.0), "round": (1.0, 1.0), "oval": (0.6, 0.78)}[top]
    width, depth, height = draws.fit(1.0, draws.between(*slimness), draws.between(*ratio))
    thickness = draws.between(THIN, 0.12)
    under, is_round = height - thickness, top != "rectangular"
    extra = _table_extra(draws, base, size, top, under)

    bevel = draws.pick(0.0, draws.between(0.1, 0.35)) if is_round or base in ("pedestal", "trestle") else 0.0
    edge, lower_face = height - thickness / 2, (0.0, 0.0, (1 - bevel) * width / 2, (1 - bevel) * depth / 2)
    parts = [Loft((under, edge), lower_face, (0.0, 0.0, width / 2, depth / 2), round=is_round)]
    parts.append(slab(width, depth, (edge, height), is_round))
    parts += _table_base(draws, base, width, depth, height - thickness / 2, is_round)
    if extra == "apron":
        low, shares = under - draws.between(THIN, 0.12), (draws.between(0.6, 0.92), draws.between(0.6, 0.92))
        parts.append(slab(shares[0] * width, shares[0 if top == "round" else 1] * depth, (low, height), is_round))
    if extra == "shelf":
        level, share = draws.between(0.2, 0.45) * under, 0.78 if is_round else draws.between(0.9, 1.0)
        parts.append(slab(share * width, share * depth, (level, level + draws.between(THIN, 0.09)), is_round))
    if extra.startswith("drawers"):
        block, low = draws.between(0.24, 0.34) * width, draws.between(0.3, 0.7) * under
        for side in {"left": (-1,), "right": (1,), "both": (-1, 1)}[extra.split()[-1]]:
            x = side * (width - block) / 2
            parts.append(Box(span(x, block), span(0.0, 0.9 * depth), (low, height - thickness / 2)))
    attributes = {"size": size, "top": top, "base": base, "extra": extra}
    details = ["an oval top" if top == "oval" else f"a {top} top"]
    details.append({"pedestal": "a central pedestal", "trestle": "a trestle base"}.get(base, base))
    phrases = {"none": [], "apron": ["a deep apron"], "shelf": ["a shelf below"]}
    details += phrases.get(extra, ["drawers on " + ("both sides" if extra == "drawers both" else f"the {extra[8:]}")])
    nouns = {"low": ["coffee table", "table"], "medium": ["table"], "tall": ["bar table", "table"]}[size]
    return Plan(parts, attributes, nouns, [] if size == "medium" else [size], details)


def _table_extra(draws: Draws, base: str, size: str, top: str, under: float) -> str:
    """What hangs between top and floor: an apron anywhere, a shelf or drawers only where there is room."""
    options = ["apron", "apron" if top == "round" else "none"]
    if base == "four legs" and under > 0.34:
        options.append("shelf")
        if size == "medium" and top == "rectangular":
            options += ["drawers left", "drawers right", "drawers both"]
    return draws.pick(*options)


def _table_base(draws: Draws, base: str, width: float, depth: float, height: float, is_round: bool) -> list[Box | Loft]:
    thickness, inset = draws.between(THIN, 0.14), draws.between(0.0, 0.07)
    if base == "pedestal":
        column, foot, rim = draws.between(0.045, 0.12), draws.between(0.26, 0.44), draws.between(THIN, 0.12)
        half_x, half_y = foot * width, foot * depth
        tip = draws.pick(1.0, 0.4)  # a flat disc, or one that rises towards the column
        return [
            disc(0.0, 0.0, (0.0, height), column, column),
            Loft((0.0, rim), (0.0, 0.0, half_x, half_y), (0.0, 0.0, tip * half_x, tip * half_y), round=True),
        ]
    reach = 0.7 if is_round else 1.0
    inset = max(0.0, min(inset, (reach * depth - 3.1 * THIN) / 2))
    thickness = min(thickness, (reach * depth - 2 * inset - 1.1 * THIN) / 2)  # so that there is air between legs
    x, y = (reach * width - thickness) / 2 - inset, (reach * depth - thickness) / 2 - inset
    if base == "four legs":
        splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.2))
        x, y = (x, y) if is_round else (x / (1 + splay), y / (1 + splay))
        return [leg(*corner, height, thickness, splay) for corner in corners(x, y)]
    if base == "side panels":
        panel_depth = draws.between(0.75, 0.95) * reach * depth
        return [Box(span(side, thickness), span(0.0, panel_depth), (0.0, height)) for side in (-x, x)]
    x *= draws.between(0.7, 0.95)
    beam = height * draws.between(0.35, 0.6)
    parts = [Box((-x, x), span(0.0, THIN), span(beam, THIN))]
    for side in (-x, x):
        parts.append(Box(span(side, thickness), span(0.0, draws.between(0.12, 0.2)), (0.0, height)))
        parts.append(Box(span(side, thickness), span(0.0, 0.85 * reach * depth), (0.0, THIN)))
    return parts
