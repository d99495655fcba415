// From noise to data: one loop for every sampler, as in course_utils/sampling.py. A sampler is one function, a step from
// time t to time s < t, and sees nothing but `await denoise(x, t)`, the guess of x0.

import { gaussian } from "./noise.js";
import { PATHS } from "./paths.js";

/** x_t and x0 (Float32Array) weighed, and fresh noise if there is some. */
function mixed(x, ofX, x0, ofX0, noise, ofNoise) {
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = ofX * x[i] + ofX0 * x0[i] + (noise ? ofNoise * noise[i] : 0);
  return result;
}

/** DDIM: keep the noise, swap x0 (arXiv 2010.02502, eq. 12). */
export function ddim({ alpha, sigma }, x, x0, t, s) {
  const kept = sigma(s) / sigma(t);
  return mixed(x, kept, x0, alpha(s) - kept * alpha(t));
}

/** DDPM's ancestral step: a draw from q(x_s | x_t, x0) (arXiv 2006.11239, eq. 7). */
export function ddpm({ alpha, sigma }, x, x0, t, s, draw) {
  const kept = alpha(t) / alpha(s);
  const added = sigma(t) ** 2 - kept ** 2 * sigma(s) ** 2;
  const variance = (Math.max(added, 0) * sigma(s) ** 2) / sigma(t) ** 2;
  return mixed(x, (kept * sigma(s) ** 2) / sigma(t) ** 2, x0, (alpha(s) * added) / sigma(t) ** 2, draw(), Math.sqrt(variance));
}

export const SAMPLERS = { ddim, ddpm };

/** Walk from noise to data; yields {step, steps, t, x, x0} after every step. The last x is the sample. */
export async function* sample(denoise, path, times, step, count, seed) {
  let x = gaussian(seed, count).map((value) => PATHS[path].sigma(times[0]) * value);
  for (let k = 0; k + 1 < times.length; k++) {
    const x0 = await denoise(x, times[k]);
    x = SAMPLERS[step](PATHS[path], x, x0, times[k], times[k + 1], () => gaussian(seed, count, k + 1));
    yield { step: k + 1, steps: times.length - 1, t: times[k + 1], x, x0 };
  }
}

/** Classifier-free guidance (arXiv 2207.12598, eq. 6): away + scale (told - away). */
export function guided(told, away, scale) {
  return told.map((value, i) => away[i] + scale * (value - away[i]));
}
