// The smooth surface of a field, and what it is made of: naive surface nets (Gibson 1998), with the blurred field's slope
// as normal. Places are (x, y, z) in voxels, z up; grids are in the order of grid.js, inside above 0.

const SLOPE = [0.0219, 0.2285, 0.4992, 0.2285, 0.0219]; // 0.8 voxels, before slopes are taken, as in geometry/render/normals.py
const BORDER = [0.1065, 0.787, 0.1065]; // 0.5 voxels, for slots, as in geometry/render/paint.py
const PAD = 3; // voxels around a grid, so that blurs see what is outside
const REACH = 0.35; // voxels: how far a vertex is moved onto the surface, at most
const EDGES = [];
for (let a = 0; a < 8; a++) for (const bit of [1, 2, 4]) if (!(a & bit)) EDGES.push([a, a | bit]);

/** Return a grid with PAD cells of `outside` around another. */
function padded(grid, n, outside) {
  const side = n + 2 * PAD;
  const found = new Float32Array(side ** 3).fill(outside);
  for (let z = 0; z < n; z++)
    for (let y = 0; y < n; y++) {
      const from = (z * n + y) * n;
      found.set(grid.subarray(from, from + n), ((z + PAD) * side + y + PAD) * side + PAD);
    }
  return found;
}

function blurred(grid, side, kernel) {
  const reach = (kernel.length - 1) / 2;
  let now = grid;
  for (const stride of [1, side, side * side]) {
    const next = new Float32Array(now.length);
    for (let k = -reach; k <= reach; k++) {
      const [weight, from, to] = [kernel[k + reach], Math.max(0, -k * stride), now.length - Math.max(0, k * stride)];
      for (let i = from; i < to; i++) next[i] += weight * now[i + k * stride];
    }
    now = next;
  }
  return now;
}

/** Return the value of a padded grid at a place in voxels, linearly between its cells. */
function between(grid, side, x, y, z) {
  const first = PAD - 0.5;
  const low = (value) => Math.min(side - 2, Math.max(0, Math.floor(value + first)));
  const [i, j, k] = [low(x), low(y), low(z)];
  const [u, v, w] = [x + first - i, y + first - j, z + first - k];
  const at = (k * side + j) * side + i;
  const line = (p) => grid[p] + u * (grid[p + 1] - grid[p]);
  const plane = (p) => line(p) + v * (line(p + side) - line(p));
  return plane(at) + w * (plane(at + side * side) - plane(at));
}

/**
 * Return the surface: position and normal (3 numbers per vertex) and index.
 * field: a Float32Array of n ** 3 numbers, cut to -1 ... 1.
 */
export function smoothSurface(field, n) {
  const side = n + 2 * PAD;
  const steps = [1, side, side * side];
  const value = padded(field.map((x) => Math.min(1, Math.max(-1, x))), n, -1);
  const corners = [...Array(8).keys()].map((c) => (c & 1) * steps[0] + ((c >> 1) & 1) * steps[1] + (c >> 2) * steps[2]);
  const number = new Int32Array(side ** 3).fill(-1);
  const [position, index] = [[], []];
  for (let z = 0; z < side - 1; z++)
    for (let y = 0; y < side - 1; y++)
      for (let x = 0, cell = (z * side + y) * side; x < side - 1; x++, cell++) {
        let inside = 0;
        for (let c = 0; c < 8; c++) if (value[cell + corners[c]] > 0) inside |= 1 << c;
        if (inside === 0 || inside === 255) continue;
        number[cell] = position.length / 3;
        position.push(...crossing(value, cell, corners, inside, [x, y, z]));
      }
  for (let z = 1; z < side - 1; z++)
    for (let y = 1; y < side - 1; y++)
      for (let x = 1, cell = (z * side + y) * side + 1; x < side - 1; x++, cell++)
        for (let axis = 0; axis < 3; axis++) {
          for (const ahead of [1, -1]) {
            if (value[cell] <= 0 || value[cell + ahead * steps[axis]] > 0) continue;
            const base = ahead > 0 ? cell : cell - steps[axis];
            const [u, v] = [steps[(axis + 1) % 3], steps[(axis + 2) % 3]];
            const ring = [base - u - v, base - v, base, base - u].map((at) => number[at]);
            const [p, q, r, s] = ahead > 0 ? ring : ring.reverse();
            index.push(p, q, r, p, r, s);
          }
        }
  return { position, normal: settled(value, side, position), index };
}

/** Return the mean of where a cell's edges cross the surface. */
function crossing(value, cell, corners, inside, [x, y, z]) {
  const sum = [0, 0, 0];
  let count = 0;
  for (const [a, b] of EDGES) {
    if (((inside >> a) & 1) === ((inside >> b) & 1)) continue;
    const [p, q] = [value[cell + corners[a]], value[cell + corners[b]]];
    const t = p / (p - q);
    for (let axis = 0; axis < 3; axis++) sum[axis] += ((a >> axis) & 1) * (1 - t) + ((b >> axis) & 1) * t;
    count++;
  }
  return [x, y, z].map((base, axis) => base + sum[axis] / count + 0.5 - PAD);
}

/** Return the normals at points, and move the points along them onto the surface. */
function settled(value, side, position) {
  const soft = blurred(value, side, SLOPE);
  const normal = new Float32Array(position.length);
  for (let i = 0; i < position.length; i += 3) {
    const [x, y, z] = [position[i], position[i + 1], position[i + 2]];
    const at = (u, v, w) => between(soft, side, x + u, y + v, z + w);
    const slope = [at(-1, 0, 0) - at(1, 0, 0), at(0, -1, 0) - at(0, 1, 0), at(0, 0, -1) - at(0, 0, 1)];
    const length = Math.hypot(...slope) || 1;
    const [p, q, r] = slope.map((each) => each / length);
    normal.set([p, q, r], i);
    const away = (step) => between(value, side, x + step * p, y + step * q, z + step * r);
    const steep = Math.max(0.2, away(-0.5) - away(0.5));
    const step = Math.min(REACH, Math.max(-REACH, away(0) / steep));
    position[i] += step * p;
    position[i + 1] += step * q;
    position[i + 2] += step * r;
  }
  return normal;
}

/**
 * Return how much each of four slots counts at points of a surface, 4 numbers each: the largest decides.
 * slots: a Uint8Array of n ** 3 numbers, 1 for the first slot, 0 where nothing is known.
 */
export function slotWeights(slots, n, position) {
  const side = n + 2 * PAD;
  const found = new Float32Array((position.length / 3) * 4);
  for (let slot = 1; slot <= 4; slot++) {
    if (!slots.includes(slot)) continue;
    const weight = blurred(padded(Float32Array.from(slots, (is) => (is === slot ? 1 : 0)), n, 0), side, BORDER);
    for (let i = 0; i < position.length; i += 3)
      found[(i / 3) * 4 + slot - 1] = between(weight, side, position[i], position[i + 1], position[i + 2]);
  }
  return found;
}
