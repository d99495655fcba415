// Mixtures of Gaussians, as in course_utils/diffusion/mixtures.py: density, score and the best denoiser have formulas.

export class Mixture {
  /** means: [[x, y], ...] of components of equal weight; std: standard deviation of every component. */
  constructor(means, std) {
    this.means = means;
    this.std = std;
  }

  /** Return what every formula needs at a point and a time: each component's responsibility, the variance, the log-density. */
  _parts(x, y, { alpha, sigma }, t) {
    const variance = (alpha(t) * this.std) ** 2 + sigma(t) ** 2;
    const logs = this.means.map(([mx, my]) => -((x - alpha(t) * mx) ** 2 + (y - alpha(t) * my) ** 2) / (2 * variance));
    const highest = Math.max(...logs);
    const parts = logs.map((log) => Math.exp(log - highest));
    const sum = parts.reduce((a, b) => a + b);
    const logDensity = highest + Math.log(sum / this.means.length / (2 * Math.PI * variance));
    return { responsibilities: parts.map((part) => part / sum), variance, logDensity };
  }

  logDensity(x, y, path, t) {
    return this._parts(x, y, path, t).logDensity;
  }

  /** Return E[x0 | x_t = (x, y)] as [x, y]. */
  posteriorMean(x, y, path, t) {
    const { responsibilities, variance } = this._parts(x, y, path, t);
    const gain = (path.alpha(t) * this.std ** 2) / variance;
    const mean = [0, 0];
    this.means.forEach(([mx, my], k) => {
      mean[0] += responsibilities[k] * (mx + gain * (x - path.alpha(t) * mx));
      mean[1] += responsibilities[k] * (my + gain * (y - path.alpha(t) * my));
    });
    return mean;
  }

  /** Return the gradient of the log-density of x_t as [x, y] (Tweedie's formula). */
  score(x, y, path, t) {
    const [mx, my] = this.posteriorMean(x, y, path, t);
    const variance = path.sigma(t) ** 2;
    return [(path.alpha(t) * mx - x) / variance, (path.alpha(t) * my - y) / variance];
  }

  /** Map points x_t (Float32Array x, y, x, y, ...) to the best guesses of x0. */
  denoise(points, path, t) {
    const guesses = new Float32Array(points.length);
    for (let i = 0; i < points.length; i += 2) guesses.set(this.posteriorMean(points[i], points[i + 1], path, t), i);
    return guesses;
  }
}

const around = (count, place) => Array.from({ length: count }, (_, k) => place(k / count));

export const MIXTURES = {
  "ring of eight": new Mixture(around(8, (u) => [1.4 * Math.cos(2 * Math.PI * u), 1.4 * Math.sin(2 * Math.PI * u)]), 0.1),
  spiral: new Mixture(around(48, (u) => [(0.3 + 1.3 * u) * Math.cos(9 * u), (0.3 + 1.3 * u) * Math.sin(9 * u)]), 0.07),
  "two arcs": new Mixture(
    around(40, (u) => {
      const angle = Math.PI * ((u * 2) % 1);
      return u < 0.5 ? [1.1 * Math.cos(angle) - 0.5, 1.1 * Math.sin(angle) - 0.3] : [1.1 * Math.cos(angle) + 0.5, 0.3 - 1.1 * Math.sin(angle)];
    }),
    0.09,
  ),
};
