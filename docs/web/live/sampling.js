// From noise to data: one loop for every sampler, as in course_utils/diffusion/sampling.py. A sampler is one function: a
// step from time t to time s < t. It uses only `await denoise(x, t)`, the guess of x0, and `draw()`, fresh noise.

import { gaussian } from "./noise.js";
import { PATHS } from "./paths.js";

/** Return a linear combination of Float32Arrays: combined([2, x], [1, y]) is 2 x + y. */
function combined(...terms) {
  const sum = new Float32Array(terms[0][1].length);
  for (const [factor, values] of terms) for (let i = 0; i < sum.length; i++) sum[i] += factor * values[i];
  return sum;
}

/** DDIM: keep the noise, replace x0 (arXiv 2010.02502, eq. 12). */
export async function ddim({ alpha, sigma }, denoise, x, t, s) {
  const x0 = await denoise(x, t);
  const kept = sigma(s) / sigma(t);
  return [combined([kept, x], [alpha(s) - kept * alpha(t), x0]), x0];
}

/** DDPM's ancestral step: a draw from q(x_s | x_t, x0) (arXiv 2006.11239, eq. 7). */
export async function ddpm({ alpha, sigma }, denoise, x, t, s, draw) {
  const x0 = await denoise(x, t);
  const kept = alpha(t) / alpha(s);
  const added = Math.max(sigma(t) ** 2 - kept ** 2 * sigma(s) ** 2, 0);
  const [ofX, ofX0] = [(kept * sigma(s) ** 2) / sigma(t) ** 2, (alpha(s) * added) / sigma(t) ** 2];
  return [combined([ofX, x], [ofX0, x0], [(Math.sqrt(added) * sigma(s)) / sigma(t), draw()]), x0];
}

/** Heun's method for x / alpha as a function of sigma / alpha: an Euler step, then the mean of the slopes at both ends
 * (arXiv 2206.00364, algorithm 1). */
export async function heun(path, denoise, x, t, s) {
  const { alpha, sigma } = path;
  const [euler, x0] = await ddim(path, denoise, x, t, s);
  if (sigma(s) === 0 || alpha(t) === 0) return [euler, x0];
  const end = await denoise(euler, s);
  const [from, to] = [sigma(t) / alpha(t), sigma(s) / alpha(s)];
  const half = (to - from) / 2;
  const inner = combined([(1 + half / from) / alpha(t), x], [-half / from, x0], [half / to / alpha(s), euler], [-half / to, end]);
  return [combined([alpha(s), inner]), x0];
}

export const SAMPLERS = { ddim, ddpm, heun };

/** Walk from noise to data, yielding {step, steps, t, x, x0} after every step. The last x, `count` numbers, is the sample. */
export async function* sample(denoise, path, times, sampler, count, seed) {
  let x = combined([PATHS[path].sigma(times[0]), gaussian(seed, count)]);
  for (let k = 0; k + 1 < times.length; k++) {
    const draw = () => gaussian(seed, count, k + 1);
    let x0;
    [x, x0] = await SAMPLERS[sampler](PATHS[path], denoise, x, times[k], times[k + 1], draw);
    yield { step: k + 1, steps: times.length - 1, t: times[k + 1], x, x0 };
  }
}

/** Classifier-free guidance (arXiv 2207.12598, eq. 6), from the guesses of x0 with and without the condition. */
export function guided(conditional, unconditional, scale) {
  return conditional.map((value, i) => unconditional[i] + scale * (value - unconditional[i]));
}
