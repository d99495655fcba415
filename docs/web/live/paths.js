// The noise path x_t = alpha x0 + sigma noise that the page's models were trained on, as in
// course_utils/diffusion/paths.py.

export const PATHS = {
  flow: {
    alpha: (t) => 1 - t,
    sigma: (t) => t,
    shifted: (t, shift) => (shift * t) / (1 + (shift - 1) * t), // multiplies sigma / alpha by `shift` (arXiv 2403.03206, eq. 23)
  },
};

/** Return a sampler's steps + 1 times from 1 to 0: equally spaced, then shifted so that more lie where noise is strong. */
export function timeGrid(path, steps, shift = 1) {
  if (!(Number.isInteger(steps) && steps >= 1 && shift > 0))
    throw new RangeError(`steps is ${steps} and shift ${shift}; there must be at least one step and a positive shift`);
  return Array.from({ length: steps + 1 }, (_, k) => PATHS[path].shifted(1 - k / steps, shift));
}
