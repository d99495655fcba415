// Daylight: how much of the sun and of the sky reaches each place around a shape, and the ground. The same light as in
// course_utils/geometry/render/light.py, which says how it works; tests/browser/test_modules.py compares the numbers.
// Places are (x, y, z) in voxels, z up; grids are in the order of grid.js.

export const SUN = unit([-0.26, -0.45, 1.05]);
const SUN_SHARE = 0.5;
export const GROUND = 0.95;
const [SUN_CELLS, SKY_CELLS] = [32, 16];
const RINGS = [[90, 1], [60, 6], [35, 6], [12, 8]];
const [SUN_BLUR, SKY_BLUR] = [1, 1.5];
const OUT = 0.8;

function unit(vector) {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** Return directions to the sky, [x, y, z] each, and the share of an open plane's light from each. */
export function skyDirections() {
  const [directions, weights] = [[], []];
  const sine = (degrees) => Math.sin((degrees * Math.PI) / 180);
  const edges = [90, ...RINGS.slice(1).map(([elevation], k) => (RINGS[k][0] + elevation) / 2), 0];
  RINGS.forEach(([elevation, count], k) => {
    for (let i = 0; i < count; i++) {
      const turn = (2 * Math.PI * (i + 0.5 * (k % 2))) / count;
      const across = sine(90 - elevation);
      directions.push([across * Math.cos(turn), across * Math.sin(turn), sine(elevation)]);
      weights.push((sine(edges[k]) - sine(edges[k + 1])) / count);
    }
  });
  const total = weights.reduce((sum, weight, k) => sum + weight * directions[k][2], 0);
  return { directions, weights: weights.map((weight) => weight / total) };
}

/** Return [offset, weight] pairs that move a row of cells by `step` and blur it: a quadratic B-spline. */
function taps(step, blur) {
  const found = [];
  for (let offset = Math.ceil(step - 1.5 * blur); offset <= step + 1.5 * blur; offset++) {
    const far = Math.abs(offset - step) / blur;
    const weight = far < 0.5 ? 0.75 - far * far : 0.5 * Math.max(1.5 - far, 0) ** 2;
    if (weight > 0) found.push([offset, weight / blur]);
  }
  return found;
}

/** How much of the light from K directions is blocked at each place; with `ground`, light that rises from it. */
class Shade {
  constructor({ solid, shape: [height, depth, width], cells, floor }, directions, blur, ground = null) {
    const margin = (Math.floor(cells + 1) / 2) | 0;
    const size = Math.max(depth, width) + 2 * margin;
    const count = directions.length;
    Object.assign(this, { cells, floor, margin, size, count, layers: height + 1, first: ground ? 0 : 1 });
    this.dark = new Float32Array(this.layers * size * size * count);
    directions.forEach((direction, k) => {
      const [columns, rows] = [0, 1].map((axis) => taps(direction[axis] / Math.abs(direction[2]), blur));
      let dark = new Float32Array(ground ?? size * size);
      for (let j = 0; j < this.layers; j++) {
        const layer = ground ? j : height - j; // where `dark` arrives
        this._keep(dark, layer, k);
        const blocking = ground ? j : height - 1 - j;
        if (blocking < 0 || blocking >= height) break;
        dark = moved(this._blocked(dark, solid, blocking, depth, width), size, rows, columns);
      }
    });
  }

  _keep(dark, layer, k) {
    const { size, count } = this;
    for (let i = 0, at = layer * size * size * count + k; i < dark.length; i++, at += count) this.dark[at] = dark[i];
  }

  _blocked(dark, solid, layer, depth, width) {
    const { size, margin } = this;
    const found = dark.slice();
    for (let y = 0; y < depth; y++)
      for (let x = 0; x < width; x++) {
        const at = (y + margin) * size + x + margin;
        found[at] += solid[(layer * depth + y) * width + x] * (1 - dark[at]);
      }
    return found;
  }

  /** Return the sum of shares[k] times what is blocked from direction k at a place outside a surface, in the cube's sides. */
  at(x, y, z, normal, shares) {
    const { size, count, dark } = this;
    const place = [z, y, x].map((value, i) => value * this.cells + OUT * normal[2 - i] - 0.5);
    place[0] += this.first - this.floor * this.cells;
    place[1] += this.margin;
    place[2] += this.margin;
    const last = [this.layers - 1, size - 1, size - 1];
    const low = [0, 0, 0];
    for (let i = 0; i < 3; i++) {
      place[i] = Math.min(last[i], Math.max(0, place[i]));
      low[i] = Math.min(Math.floor(place[i]), Math.max(last[i] - 1, 0));
      place[i] -= low[i];
    }
    let total = 0;
    for (let corner = 0; corner < 8; corner++) {
      const [i, j, k] = [corner >> 2, (corner >> 1) & 1, corner & 1];
      const weight = (i ? place[0] : 1 - place[0]) * (j ? place[1] : 1 - place[1]) * (k ? place[2] : 1 - place[2]);
      if (!weight) continue;
      const cell = ((low[0] + i) * size + low[1] + j) * size + low[2] + k;
      for (let d = 0, from = cell * count; d < count; d++) total += weight * shares[d] * dark[from + d];
    }
    return total;
  }

  /** Return the sum of shares[k] times what is blocked on the ground, one number per cell. */
  onGround(shares) {
    const { size, count, dark } = this;
    return Float32Array.from({ length: size * size }, (_, i) => {
      let total = 0;
      for (let k = 0; k < count; k++) total += shares[k] * dark[i * count + k];
      return total;
    });
  }
}

function moved(values, size, rows, columns) {
  const across = new Float32Array(size * size);
  const found = new Float32Array(size * size);
  for (let y = 0; y < size; y++)
    for (const [offset, weight] of columns)
      for (let x = Math.max(0, -offset), end = Math.min(size, size - offset); x < end; x++)
        across[y * size + x] += weight * values[y * size + x + offset];
  for (let y = 0; y < size; y++)
    for (const [offset, weight] of rows) {
      if (y + offset < 0 || y + offset >= size) continue;
      for (let x = 0, from = (y + offset) * size; x < size; x++) found[y * size + x] += weight * across[from + x];
    }
  return found;
}

export class Daylight {
  /** solid: a grid of 0 and 1 with n cells per side. */
  constructor(solid, n) {
    const lowest = solid.indexOf(1);
    const floor = lowest < 0 ? 0 : Math.floor(lowest / (n * n));
    const grid = (most) => pooled(solid, n, floor, Math.ceil(n / most));
    const [fine, coarse] = [grid(SUN_CELLS), grid(SKY_CELLS)];
    const { directions, weights } = skyDirections();
    this.n = n;
    this.directions = directions;
    this.weights = weights.map((weight) => weight * (1 - SUN_SHARE));
    this.sun = new Shade(fine, [SUN], SUN_BLUR);
    this.sky = new Shade(coarse, directions, SKY_BLUR);
    const sunny = this.sun.onGround([SUN_SHARE]);
    const cloudy = this.sky.onGround(this.weights.map((weight, k) => weight * directions[k][2]));
    const missing = resampled(sunny, this.sun, this.sky).map((value, i) => value + cloudy[i]);
    this.rise = new Shade(coarse, [[0, 0, 1]], SKY_BLUR, missing);
    const far = resampled(cloudy, this.sky, this.sun);
    this.missing = sunny.map((value, i) => value + far[i]); // on the ground, size * size, of light 1
    this.floor = floor;
  }

  /** Return [what arrives, what the shape blocks] at a surface; light on open ground is 1. */
  at(place, normal) {
    const [x, y, z] = place.map((value) => value / this.n);
    const dot = (d) => Math.max(0, d[0] * normal[0] + d[1] * normal[1] + d[2] * normal[2]);
    const sun = (dot(SUN) * SUN_SHARE) / SUN[2];
    const sky = this.directions.map((direction, k) => dot(direction) * this.weights[k]);
    const ground = (GROUND / 2) * (1 - normal[2]);
    const blocked = this.sky.at(x, y, z, normal, sky) + this.rise.at(x, y, z, normal, [ground]);
    const direct = sun && sun - this.sun.at(x, y, z, normal, [sun]);
    return [direct + sky.reduce((sum, value) => sum + value, ground) - blocked, blocked];
  }
}

/** Return what lies above the floor in blocks of factor³ voxels, as how full they are. */
function pooled(solid, n, floor, factor) {
  const side = Math.ceil(n / factor);
  const height = Math.ceil((n - floor) / factor);
  const found = new Float32Array(height * side * side);
  for (let z = floor; z < n; z++)
    for (let y = 0; y < n; y++)
      for (let x = 0; x < n; x++) {
        if (!solid[(z * n + y) * n + x]) continue;
        const block = (Math.floor((z - floor) / factor) * side + Math.floor(y / factor)) * side + Math.floor(x / factor);
        found[block] += 1 / factor ** 3;
      }
  return { solid: found, shape: [height, side, side], cells: n / factor, floor: floor / n };
}

/** Return an image of the ground, made for the grid of one Shade, for another's. */
function resampled(image, from, to) {
  const ratio = from.cells / to.cells;
  const place = (i) => Math.min(from.size - 1, Math.max(0, (i + 0.5 - to.margin) * ratio + from.margin - 0.5));
  return Float32Array.from({ length: to.size * to.size }, (_, i) => {
    const [x, y] = [place(i % to.size), place(Math.floor(i / to.size))];
    const [u, v] = [Math.min(Math.floor(x), from.size - 2), Math.min(Math.floor(y), from.size - 2)];
    const at = (j, k) => image[(v + k) * from.size + u + j];
    const row = (k) => at(0, k) + (x - u) * (at(1, k) - at(0, k));
    return row(0) + (y - v) * (row(1) - row(0));
  });
}
