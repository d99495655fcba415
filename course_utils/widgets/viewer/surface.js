// The faces between full and empty voxels, lit for the screen or plain for a file. Positions (x, y, z) in voxels, z up.

import { indexOf, placeOf, within } from "./grid.js";

// A face looks along +axis or -axis; u x v is its outward normal, so its corners run counter-clockwise from outside.
const unit = (axis, sign = 1) => [0, 1, 2].map((a) => (a === axis ? sign : 0));
const SIDES = [0, 1, 2].flatMap((axis) => [
  { normal: unit(axis, 1), u: unit((axis + 1) % 3), v: unit((axis + 2) % 3), lift: unit(axis) },
  { normal: unit(axis, -1), u: unit((axis + 2) % 3), v: unit((axis + 1) % 3), lift: [0, 0, 0] },
]);
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];
const DARKEST = 0.52; // brightness in a corner where three neighbours stand in the light

const plus = (p, q, times = 1) => [p[0] + times * q[0], p[1] + times * q[1], p[2] + times * q[2]];

/** Calls visit(place, side) for each face of a full voxel that no full voxel and no voxel of `covered` hides. */
function eachFace(solid, n, visit, covered = solid) {
  for (let index = 0; index < solid.length; index++) {
    if (!solid[index]) continue;
    const place = placeOf(n, index);
    for (const side of SIDES) {
      const next = plus(place, side.normal);
      const neighbour = within(n, ...next) ? indexOf(n, ...next) : -1;
      if (neighbour < 0 || !(solid[neighbour] || covered[neighbour])) visit(place, side, index);
    }
  }
}

/**
 * Arrays for drawing: position, normal, uv (0 to 1 across a face), light (0 to 1), kind (that of the face's voxel),
 * crease (1 where the surface bends at the sides u = 0, u = 1, v = 0, v = 1 of a face) and index.
 */
export function litSurface(solid, n, kinds, covered = solid) {
  const data = { position: [], normal: [], uv: [], light: [], kind: [], crease: [], index: [] };
  const full = (p) => (within(n, ...p) && solid[indexOf(n, ...p)] ? 1 : 0);
  const visit = (place, side, index) => {
    const first = data.light.length;
    const creases = creasesOf(full, place, side);
    for (const [a, b] of CORNERS) {
      data.position.push(...plus(plus(plus(place, side.lift), side.u, a), side.v, b));
      data.normal.push(...side.normal);
      data.uv.push(a, b);
      data.light.push(cornerLight(full, place, side, a, b));
      data.kind.push(kinds[index]);
      data.crease.push(...creases);
    }
    const [p, q, r, s] = data.light.slice(first);
    const turn = p + r < q + s ? 1 : 0; // split along the brighter diagonal: no dark seams
    for (const corner of [0, 1, 2, 0, 2, 3]) data.index.push(first + ((corner + turn) % 4));
  };
  eachFace(solid, n, visit, covered);
  return data;
}

/** How much of the sky a corner of a face sees, after "ambient occlusion for Minecraft-like worlds" (Lysenko 2012). */
function cornerLight(full, place, side, a, b) {
  const front = plus(place, side.normal);
  const [i, j] = [2 * a - 1, 2 * b - 1];
  const one = full(plus(front, side.u, i));
  const other = full(plus(front, side.v, j));
  const hidden = one && other ? 3 : one + other + full(plus(plus(front, side.u, i), side.v, j));
  return 1 - ((1 - DARKEST) * hidden) / 3;
}

function creasesOf(full, place, side) {
  return [[side.u, -1], [side.u, 1], [side.v, -1], [side.v, 1]].map(([along, sign]) => {
    const next = plus(place, along, sign);
    return full(next) && !full(plus(next, side.normal)) ? 0 : 1;
  });
}

/** Faces for a file: {positions: Float32Array (V * 3), indices: Uint32Array (F * 3)}, neighbours sharing vertices. */
export function sharedSurface(solid, n) {
  const number = new Map();
  const [positions, indices] = [[], []];
  const vertex = (p) => {
    const key = indexOf(n + 1, ...p);
    if (!number.has(key)) {
      number.set(key, number.size);
      positions.push(...p);
    }
    return number.get(key);
  };
  eachFace(solid, n, (place, side) => {
    const low = plus(place, side.lift);
    const [p, q, r, s] = CORNERS.map(([a, b]) => vertex(plus(plus(low, side.u, a), side.v, b)));
    indices.push(p, q, r, p, r, s);
  });
  return { positions: Float32Array.from(positions), indices: Uint32Array.from(indices) };
}
