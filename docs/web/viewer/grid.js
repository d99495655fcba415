// Voxel grids: a Uint8Array of 0 and 1 in the order of (D, H, W) in course_utils, index = (z * n + y) * n + x, z up.

export const indexOf = (n, x, y, z) => (z * n + y) * n + x;

export const within = (n, x, y, z) => x >= 0 && y >= 0 && z >= 0 && x < n && y < n && z < n;

export const placeOf = (n, index) => [index % n, Math.floor(index / n) % n, Math.floor(index / (n * n))];

/** Pack voxels into bits, the most significant first, as numpy.packbits does. */
export function pack(voxels) {
  const bytes = new Uint8Array(Math.ceil(voxels.length / 8));
  for (let i = 0; i < voxels.length; i++) if (voxels[i]) bytes[i >> 3] |= 128 >> (i & 7);
  return bytes;
}

/** Return the first `count` bits of a Uint8Array as 0 and 1. */
export function unpack(bytes, count) {
  const voxels = new Uint8Array(count);
  for (let i = 0; i < count; i++) voxels[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
  return voxels;
}

/** Return {field, slots} of matter, one byte per voxel: the slot in the upper three bits, how many of 27 parts are filled below. */
export function unpackMatter(matter) {
  return { field: Float32Array.from(matter, (byte) => (2 * (byte & 31)) / 27 - 1), slots: matter.map((byte) => byte >> 5) };
}

/** Return the indices of the voxels whose centres are less than `radius` from that of voxel [x, y, z] (radius 1: only it). */
export function ball(n, [x, y, z], radius) {
  const found = [];
  const reach = Math.ceil(radius) - 1;
  for (let k = -reach; k <= reach; k++)
    for (let j = -reach; j <= reach; j++)
      for (let i = -reach; i <= reach; i++)
        if (i * i + j * j + k * k < radius * radius && within(n, x + i, y + j, z + k))
          found.push(indexOf(n, x + i, y + j, z + k));
  return found;
}

/**
 * Walk along a ray, in units of voxels, from voxel to voxel (Amanatides & Woo 1987).
 * Return {voxel, before}: the first full voxel and the empty one before it, [x, y, z] each. If the ray leaves the grid
 * through its floor, `voxel` is null and `before` lies on the floor. Return null if the ray meets neither.
 */
export function cast(solid, n, origin, direction) {
  const entry = enter(n, origin, direction);
  if (!entry) return null;
  const cell = origin.map((o, a) => Math.min(n - 1, Math.max(0, Math.floor(o + entry.time * direction[a]))));
  const step = direction.map(Math.sign);
  const pace = direction.map((d) => (d ? Math.abs(1 / d) : Infinity));
  const next = origin.map((o, a) => (step[a] ? (cell[a] + (step[a] > 0 ? 1 : 0) - o) / direction[a] : Infinity));
  let before = [...cell];
  if (entry.axis >= 0) before[entry.axis] -= step[entry.axis];
  for (;;) {
    if (solid[indexOf(n, ...cell)]) return { voxel: cell, before };
    const axis = next[0] < next[1] ? (next[0] < next[2] ? 0 : 2) : next[1] < next[2] ? 1 : 2;
    before = [...cell];
    cell[axis] += step[axis];
    next[axis] += pace[axis];
    if (!within(n, ...cell)) return cell[2] < 0 ? { voxel: null, before } : null;
  }
}

/** Return where a ray enters the cube [0, n]^3: its time and the axis of that side (-1 if it starts inside), or null. */
function enter(n, origin, direction) {
  let [time, last, axis] = [0, Infinity, -1];
  for (let a = 0; a < 3; a++) {
    if (!direction[a] && (origin[a] < 0 || origin[a] > n)) return null;
    if (!direction[a]) continue;
    const [low, high] = [-origin[a] / direction[a], (n - origin[a]) / direction[a]].sort((p, q) => p - q);
    if (low > time) [time, axis] = [low, a];
    last = Math.min(last, high);
  }
  return time < last ? { time, axis } : null;
}
