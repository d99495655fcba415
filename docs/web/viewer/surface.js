// The faces between full and empty voxels: for the screen, or plain. Positions are (x, y, z) in voxels,
// z up, unless stated otherwise.

import { indexOf, placeOf, within } from "./grid.js";

// A face points along +axis or -axis; u x v is its outward normal, so its corners run counter-clockwise seen from outside.
const unit = (axis, sign = 1) => [0, 1, 2].map((a) => (a === axis ? sign : 0));
const SIDES = [0, 1, 2].flatMap((axis) => [
  { normal: unit(axis, 1), u: unit((axis + 1) % 3), v: unit((axis + 2) % 3), lift: unit(axis) },
  { normal: unit(axis, -1), u: unit((axis + 2) % 3), v: unit((axis + 1) % 3), lift: [0, 0, 0] },
]);
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

const plus = (p, q, times = 1) => [p[0] + times * q[0], p[1] + times * q[1], p[2] + times * q[2]];

/** Call visit(place, side, index) for each face of a full voxel that neither a full voxel nor one of `covered` hides. */
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
 * Return arrays for drawing: position, normal, uv (0 to 1 across a face), weights (1 for the slot of the face's voxel, of
 * four), crease (1 where the surface bends at the sides u = 0, u = 1, v = 0, v = 1 of a face) and index.
 */
export function blockSurface(solid, n, slots, covered = solid) {
  const data = { position: [], normal: [], uv: [], weights: [], crease: [], index: [] };
  const full = (p) => (within(n, ...p) && solid[indexOf(n, ...p)] ? 1 : 0);
  const visit = (place, side, index) => {
    const first = data.position.length / 3;
    const creases = creasesOf(full, place, side);
    for (const [a, b] of CORNERS) {
      data.position.push(...plus(plus(plus(place, side.lift), side.u, a), side.v, b));
      data.normal.push(...side.normal);
      data.uv.push(a, b);
      data.weights.push(...[1, 2, 3, 4].map((slot) => (slots[index] === slot ? 1 : 0)));
      data.crease.push(...creases);
    }
    for (const corner of [0, 1, 2, 0, 2, 3]) data.index.push(first + corner);
  };
  eachFace(solid, n, visit, covered);
  return data;
}

function creasesOf(full, place, side) {
  return [[side.u, -1], [side.u, 1], [side.v, -1], [side.v, 1]].map(([along, sign]) => {
    const next = plus(place, along, sign);
    return full(next) && !full(plus(next, side.normal)) ? 0 : 1;
  });
}

/** Return the faces with shared vertices, so that the surface is closed: {position, index}. */
export function sharedSurface(solid, n) {
  const number = new Map();
  const [position, index] = [[], []];
  const vertex = (p) => {
    const key = indexOf(n + 1, ...p);
    if (!number.has(key)) {
      number.set(key, number.size);
      position.push(...p);
    }
    return number.get(key);
  };
  eachFace(solid, n, (place, side) => {
    const low = plus(place, side.lift);
    const [p, q, r, s] = CORNERS.map(([a, b]) => vertex(plus(plus(low, side.u, a), side.v, b)));
    index.push(p, q, r, p, r, s);
  });
  return { position, index };
}
