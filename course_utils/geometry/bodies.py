"""What a soup of triangles encloses: bodies made closed where little is missing, and open sheets.

Files are full of small faults, and one of them must not change what is solid. Faces that share an
edge belong to one body; a body is closed when every edge is walked equally often in both
directions. Only a body that is not is repaired: copies go, what hangs inside or outside on an edge
goes, faces are turned to agree with their neighbours, and small holes are closed.
"""

from collections import defaultdict

import numpy as np

WELD = 2.0**17  # steps along the longest side of the grid on which vertices are one
NEAR = 0.07  # of a step: corners on both sides of a border that are so close to it are one too
OPENING = 0.47  # of a body's area: games leave out what is hidden; larger openings are meant
FLAT = 1e-6  # of the longest side: what is thinner has no inside
SHORT, MOST_SHORT = 24, 500  # sides of a rim, and rims, that are closed by the least area
ROUNDS = 64  # of setting flaps aside; each takes the smallest flap at every edge


def bodies_and_sheets(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort triangles into closed bodies, which have an inside, and sheets, which have none.

    Bodies point outwards. A closed surface that points inwards and lies inside another is a cavity
    and stays as it is; one that points outwards there adds nothing, since the place is solid.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z).

    Returns:
        The triangles of the bodies (B, 3, 3), repaired, and those of the sheets (S, 3, 3).
    """
    vertices, faces = _welded(triangles)
    faces = faces[_firsts(_rolled(faces))]
    edge, way = _edges(faces)
    whole = _linked(edge, np.ones(edge.max(initial=0) + 1, dtype=bool))
    single = _copies(np.sort(faces, axis=1)) == 1  # a body of faces in both directions has none
    faulty = np.bincount(edge.ravel(), way.ravel()) != 0
    sound = (_count(whole, faulty[edge].any(axis=1)) == 0) & (_count(whole, single) > 0)
    mended, loose, vertices = _mended(vertices, faces[~sound[whole]])
    closed = np.concatenate([faces[sound[whole]], mended])
    closed, flat = _outwards(vertices, closed)
    return vertices[closed], vertices[np.concatenate([flat, loose])]


def _welded(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and faces (F, 3); a face with a vertex twice has no area and is dropped.

    Corners in one cell of a fine grid are one vertex, and so are those close by across a border.
    """
    corners = triangles.reshape(-1, 3)
    places = (corners - corners.min(axis=0)) * (WELD / np.ptp(corners, axis=0).max()) + 1
    cells = np.round(places).astype(np.int64)
    keys, first, number = np.unique(_keys(cells), return_index=True, return_inverse=True)
    beside = (places - cells) * (np.abs(places - cells) > 0.5 - NEAR)  # 0 away from a border
    links = [np.zeros((2, 0), dtype=np.int64)]
    for axes in ([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]):
        here = np.flatnonzero((beside[:, axes] != 0).all(axis=1))
        other = cells[here]
        other[:, axes] += np.sign(beside[here][:, axes]).astype(np.int64)
        found = np.minimum(np.searchsorted(keys, _keys(other)), len(keys) - 1)
        there = keys[found] == _keys(other)
        links.append(np.stack([number[here[there]], found[there]]))
    vertex = _pieces(*np.concatenate(links, axis=1), len(keys))
    faces = vertex[number].reshape(-1, 3)
    vertices = corners[first[np.unique(vertex, return_index=True)[1]]]
    return vertices, faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]


def _keys(cells: np.ndarray) -> np.ndarray:
    """One number for each cell (V, 3)."""
    return (cells[:, 0] << 40) | (cells[:, 1] << 20) | cells[:, 2]


def _rolled(faces: np.ndarray) -> np.ndarray:
    """The same faces in the same direction, each beginning with its lowest vertex."""
    start = faces.argmin(axis=1)[:, None]
    return np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)


def _firsts(rows: np.ndarray) -> np.ndarray:
    """The indices of rows (F, 3) that equal none before them."""
    order = np.lexsort(rows.T)  # stable: of equal rows the first comes first
    rows = rows[order]
    return np.sort(order[np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)][: len(rows)]])


def _copies(rows: np.ndarray) -> np.ndarray:
    """How many rows equal each row (F, 3)."""
    order = np.lexsort(rows.T)
    number = np.empty(len(rows), dtype=np.int64)
    number[order] = np.cumsum(np.r_[False, (rows[order][1:] != rows[order][:-1]).any(axis=1)])[
        : len(rows)
    ]
    return np.bincount(number)[number]


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each side's edge (F, 3), numbered, and its way: 1 from the lower vertex to the higher."""
    start, end = faces, np.roll(faces, -1, axis=1)
    key = np.minimum(start, end) * (faces.max(initial=0) + 1) + np.maximum(start, end)
    return np.unique(key, return_inverse=True)[1].reshape(-1, 3), np.where(start < end, 1, -1)


def _linked(edge: np.ndarray, through: np.ndarray) -> np.ndarray:
    """Label faces (F,): equal where a chain of edges that are True in `through` (E,) leads."""
    links = np.flatnonzero(through[edge].ravel())
    return _pieces(links // 3, len(edge) + edge.ravel()[links], len(edge) + len(through))[
        : len(edge)
    ]


def _pieces(one: np.ndarray, other: np.ndarray, number: int) -> np.ndarray:
    """Label the nodes of a graph with these links by connected component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(number, number))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _count(label: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The sum of `weight` over the faces of each label."""
    return np.bincount(label, weight, minlength=label.max(initial=-1) + 1)


def _areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    one, two, three = np.moveaxis(vertices[faces], 1, 0)
    return np.linalg.norm(np.cross(two - one, three - one), axis=1) / 2


def _mended(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repair bodies that are not closed: faces that now are, the other faces, and all vertices."""
    faces = faces[_firsts(np.sort(faces, axis=1))]
    if not len(faces):
        return faces, faces, vertices
    flap = _flaps(vertices, faces)
    faces, flaps = faces[~flap], faces[flap]
    faces = _agreeing(vertices, faces)
    edge, way = _edges(faces)
    number = np.bincount(edge.ravel())
    whole = _linked(edge, np.ones(len(number), dtype=bool))
    side = np.flatnonzero(number[edge].ravel() == 1)  # the rims of holes
    start, end = faces.ravel()[side], np.roll(faces, -1, axis=1).ravel()[side]
    body, size = whole[side // 3], len(_count(whole, whole))
    caps, rim, rims, vertices = _caps(vertices, start, end, body)
    body_of_cap = body[np.unique(rims, return_index=True)[1]][rim]
    length = np.bincount(rims)
    large = np.bincount(body_of_cap, _areas(vertices, caps) * (length[rim] > 3), minlength=size)
    uneven = np.bincount(start, minlength=len(vertices)) != np.bincount(
        end, minlength=len(vertices)
    )
    crossed = np.bincount(edge.ravel(), way.ravel()) != 0
    crossed &= number > 1
    wrong = _count(whole, crossed[edge].any(axis=1)) + np.bincount(
        body, uneven[start] | uneven[end], minlength=size
    )
    good = (
        (wrong == 0)
        & (np.bincount(whole) > 1)
        & (large <= OPENING * _count(whole, _areas(vertices, faces)))
    )
    closed = np.concatenate([faces[good[whole]], caps[good[body_of_cap]]])
    return closed, np.concatenate([faces[~good[whole]], flaps]), vertices


def _caps(
    vertices: np.ndarray, start: np.ndarray, end: np.ndarray, body: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Close holes whose rims go from `start` (R,) to `end`: by the least area, or by a fan.

    A rim is of one body: what meets only in a vertex has rims of its own.

    Returns the caps' faces (C, 3), the rim of each, that of each side (R,), and all vertices.
    """
    ends = np.stack([start, end]) + body * len(vertices)
    names, nodes = np.unique(ends, return_inverse=True)
    one, other = nodes.reshape(2, -1)  # flat before NumPy 2
    rims = np.unique(_pieces(one, other, len(names))[one], return_inverse=True)[1]
    length = np.bincount(rims)
    middles = np.stack([np.bincount(rims, vertices[start, a]) for a in range(3)], axis=1)
    middles = middles / np.maximum(length, 1)[:, None]
    fans = np.stack([end, start, len(vertices) + rims], axis=1)
    short = np.flatnonzero((length > 3) & (length <= SHORT))[:MOST_SHORT]
    parts, owner, fanned = [], [], np.ones(len(length), dtype=bool)
    for one in short:
        loop = _walk(end[rims == one].tolist(), start[rims == one].tolist())
        if len(loop) == length[one] and len(loop) - len({*loop}) <= 1:  # its order is certain
            parts.append(np.array(loop)[_least_area(vertices[loop])])
            owner.append(np.full(len(loop) - 2, one))
            fanned[one] = False
    kept = fanned[rims]
    caps = np.concatenate([fans[kept], *parts])
    return caps, np.concatenate([rims[kept], *owner]), rims, np.concatenate([vertices, middles])


def _walk(start: list[int], end: list[int]) -> list[int]:
    """The vertices of a closed walk along these sides, each once; of fewer if there is none.

    A rim may pass a vertex twice, where two holes touch. Hierholzer's way.
    """
    ways = defaultdict(list)
    for one, other in zip(start, end, strict=True):
        ways[one].append(other)
    walk, waiting = [], [start[0]]
    while waiting:
        if ways[waiting[-1]]:
            waiting.append(ways[waiting[-1]].pop())
        else:
            walk.append(waiting.pop())
    return walk[:0:-1] if walk[0] == walk[-1] else []


def _least_area(loop: np.ndarray) -> np.ndarray:
    """The triangles (k - 2, 3) of least area that span a closed line of k points (k, 3)."""
    k = len(loop)
    one, two = loop[None, :, None] - loop[:, None, None], loop[None, None] - loop[:, None, None]
    area = np.linalg.norm(np.cross(one, two), axis=-1)
    least, middle = np.zeros((k, k)), np.zeros((k, k), dtype=np.int64)
    for gap in range(2, k):
        for i in range(k - gap):
            j = i + gap
            costs = least[i, i + 1 : j] + least[i + 1 : j, j] + area[i, i + 1 : j, j]
            middle[i, j] = i + 1 + costs.argmin()
            least[i, j] = costs.min()
    triangles, waiting = [], [(0, k - 1)]
    while waiting:
        i, j = waiting.pop()
        if j - i > 1:
            m = middle[i, j]
            triangles.append((i, m, j))
            waiting += [(i, m), (m, j)]
    return np.array(triangles)


def _flaps(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Mark faces (F,) of patches that are too many at an edge with an odd number of faces.

    A patch is what hangs together by edges of two faces. Of the patches that meet at an edge an
    inner wall has the smallest area, as it spans its rim straight, and so has a stray sliver.
    """
    flap = np.zeros(len(faces), dtype=bool)
    for _ in range(ROUNDS):
        index = np.flatnonzero(~flap)
        edge, _ = _edges(faces[index])
        number = np.bincount(edge.ravel())
        odd = (number > 2) & (number % 2 == 1)
        if not odd.any():
            break
        patch = _linked(edge, number == 2)
        rank = np.argsort(np.argsort(_count(patch, _areas(vertices, faces[index]))))[patch]
        smallest = np.full(len(number), len(faces))
        np.minimum.at(smallest, edge.ravel(), np.repeat(rank, 3))
        at_odd = odd[edge]
        beaten = _count(patch, (at_odd & (smallest[edge] < rank[:, None])).any(axis=1)) > 0
        flap[index] = (~beaten & (_count(patch, at_odd.any(axis=1)) > 0))[patch]
    return flap


def _agreeing(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Turn faces so that neighbours agree, as most of each patch (by area) already stands.

    Each face is there twice, as it is and turned, and is linked to what agrees with it: the two
    sides of a patch come out as two pieces.
    """
    edge, way = _edges(faces)
    order = np.argsort(edge, axis=None, kind="stable")
    order = order[np.bincount(edge.ravel())[edge.ravel()[order]] == 2].reshape(-1, 2)
    one, other = order.T // 3
    same = way.ravel()[order[:, 0]] == way.ravel()[order[:, 1]]  # both walk the edge in one way
    size = len(faces)
    piece = _pieces(
        np.r_[one, one + size], np.r_[other + size * same, other + size * ~same], 2 * size
    )
    weight = np.bincount(piece[:size], _areas(vertices, faces), minlength=2 * size)
    turn = weight[piece[:size]] < weight[piece[size:]]
    return np.where(turn[:, None], faces[:, ::-1], faces)


def _outwards(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closed faces pointing outwards, but for cavities; and the faces of bodies without volume."""
    if not len(faces):
        return faces, faces
    edge, _ = _edges(faces)
    whole = _linked(edge, np.ones(edge.max() + 1, dtype=bool))
    corners = vertices[faces] - vertices[faces].mean(axis=(0, 1))
    volume = _count(whole, np.linalg.det(corners) / 6)
    flat = np.abs(volume) <= FLAT * np.ptp(corners, axis=(0, 1)).max() * _count(
        whole, _areas(vertices, faces)
    )
    if volume.sum() < 0:
        volume, faces = -volume, faces[:, ::-1]
    low = np.full((len(volume), 3), np.inf)
    high = -low
    np.minimum.at(low, whole, corners.min(axis=1))
    np.maximum.at(high, whole, corners.max(axis=1))
    turn = volume < 0
    for outer in np.argsort(-volume)[:100]:  # an inward body in a larger outward one is a cavity
        inside = (low >= low[outer]).all(axis=1) & (high <= high[outer]).all(axis=1)
        turn &= ~(inside & (volume[outer] > -volume))
    faces = np.where(turn[whole][:, None], faces[:, ::-1], faces)
    return faces[~flat[whole]], faces[flat[whole]]
