"""Noise paths: how much data and noise there is at each time, and the conversions that follow.

A path mixes data and noise, `x_t = alpha(t) * x0 + sigma(t) * noise`, with t = 0 the data and t = 1
the noise. Lesson 01 teaches the paths, lesson 02 the conversions. Sources: DDPM (arXiv 2006.11239,
eq. 4), cosine (arXiv 2102.09672, eq. 17), v-prediction (arXiv 2202.00512, appendix D), EDM (arXiv
2206.00364, eq. 5), flow matching (arXiv 2210.02747).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Samples = Float[Tensor, "batch *rest"]  # points, pictures, voxels: one sample per row
Time = Float[Tensor, "*times"] | float | int  # in [0, 1]; a number, or one for each sample

KINDS = ("x0", "noise", "v", "score", "velocity")
MOST_BETAS = 1_000_000  # steps of a table: more need memory and change nothing
FLOOR = 1e-5  # the least divisor: at the very ends one of alpha and sigma is zero


def finite(name: str, value: float) -> float:
    """Return the value as a float. ValueError, with its name, if it is no finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        raise ValueError(f"{name} is {value!r}; expected a finite number")
    return number


def whole(name: str, value: int, most: int) -> int:
    """Return the value as an int. ValueError unless it is a whole number from 1 to `most`."""
    number = finite(name, value)
    if number != int(number) or not 1 <= number <= most:
        raise ValueError(f"{name} is {value!r}; expected a whole number from 1 to {most:,}")
    return int(number)


def spread(values: Tensor | float, x: Tensor) -> Tensor:
    """Return numbers (B,) or () in the shape, dtype and place needed to multiply x (B, ...).

    One number for all stays on the CPU: devices take it as an argument, and nothing is moved.
    """
    values = torch.as_tensor(values).to(x.dtype)
    if not values.ndim:
        return values
    return values.reshape(values.shape + (1,) * (x.ndim - values.ndim)).to(x.device)


def as_time(t: Time) -> Tensor:
    """Return a time as a floating-point tensor (float64 for plain numbers). ValueError for NaN."""
    if isinstance(t, Tensor):
        return t
    if math.isnan(t):
        raise ValueError("t is nan; expected a time from 0 (data) to 1 (noise)")
    return torch.tensor(t, dtype=torch.float64)


class Path:
    """What all paths share. A path needs `alpha`, `sigma`, their time derivatives and `time_at`.

    Times are tensors of shape (B,) or (), or plain numbers, in [0, 1]; x, x0 and noise are tensors
    of shape (B, ...).
    """

    def alpha(self, t: Time) -> Tensor:
        """Return the factor of the data at time t, in the shape of t."""
        raise NotImplementedError

    def sigma(self, t: Time) -> Tensor:
        """Return the factor of the noise at time t, in the shape of t."""
        raise NotImplementedError

    def rates(self, t: Time) -> tuple[Tensor, Tensor]:
        """Return d alpha / dt and d sigma / dt at time t."""
        raise NotImplementedError

    def time_at(self, log_snr: Float[Tensor, "*times"] | float | int) -> Tensor:
        """Return the time in [0, 1] at which the path has a log-SNR: the inverse of `log_snr`."""
        raise NotImplementedError

    def log_snr(self, t: Time) -> Tensor:
        """Return log(alpha^2 / sigma^2), infinite where alpha or sigma is zero."""
        return 2 * (self.alpha(t).log() - self.sigma(t).log())

    def noised(self, x0: Samples, noise: Samples, t: Time) -> Samples:
        """Return x_t = alpha(t) x0 + sigma(t) noise, in one jump.

        Args:
            x0: Data, (B, ...).
            noise: Standard normal, (B, ...).
            t: A number, or (B,).
        """
        return spread(self.alpha(t), x0) * x0 + spread(self.sigma(t), x0) * noise

    def prior_sample(self, noise: Samples) -> Samples:
        """Scale standard normal noise to the path's width at t = 1, where sampling starts."""
        return spread(self.sigma(1.0), noise) * noise

    def coefficients(self, kind: str, t: Time) -> tuple[Tensor, Tensor]:
        """Return (a, b) such that the quantity `kind` is a * x0 + b * noise at time t."""
        alpha, sigma = self.alpha(t), self.sigma(t)
        if kind == "x0":
            return torch.ones_like(alpha), torch.zeros_like(alpha)
        if kind == "noise":
            return torch.zeros_like(alpha), torch.ones_like(alpha)
        if kind == "v":
            return -sigma, alpha
        if kind == "score":
            return torch.zeros_like(alpha), -1 / sigma.clamp(min=FLOOR)
        if kind == "velocity":
            return self.rates(t)
        raise ValueError(f"kind {kind!r} is unknown; use one of {', '.join(KINDS)}")

    def convert(self, value: Samples, x_t: Samples, t: Time, source: str, target: str) -> Samples:
        """Turn one description of a denoising into another: from a `source` to a `target`.

        v = alpha noise - sigma x0; velocity = d x_t / dt; score = -noise / sigma. Together with x_t
        each of them fixes x0 and noise (two equations, two unknowns). Exact to 1e-10 in float64 for
        t in [0.02, 0.98]; at the ends, where the equations have no solution (noise from x0 at sigma
        = 0, x0 from noise at alpha = 0), divisors stop at 1e-5.

        Args:
            value: The quantity `source`, (B, ...).
            x_t: The noisy samples that it belongs to, (B, ...).
            t: A number, or (B,).
            source: One of `KINDS`; another name is a ValueError, here and for the target.
            target: One of `KINDS`.
        """
        alpha, sigma = spread(self.alpha(t), x_t), spread(self.sigma(t), x_t)
        a, b = (spread(c, x_t) for c in self.coefficients(source, t))
        if source == target:
            return value
        if source == "x0":
            x0, noise = value, (x_t - alpha * value) / sigma.clamp(min=FLOOR)
        elif source in ("noise", "score"):
            noise = value / b
            x0 = (x_t - sigma * noise) / alpha.clamp(min=FLOOR)
        else:
            determinant = alpha * b - sigma * a
            x0 = (b * x_t - sigma * value) / determinant
            noise = (alpha * value - a * x_t) / determinant
        a, b = (spread(c, x_t) for c in self.coefficients(target, t))
        return a * x0 + b * noise

    def magnitude(self, kind: str, t: Time) -> Tensor:
        """Return the root mean square of `kind` for data and noise of unit variance."""
        a, b = self.coefficients(kind, t)
        return (a.square() + b.square()).sqrt()

    def sensitivity(self, kind: str, t: Time) -> Tensor:
        """Return how much `kind` changes with x0 at fixed x_t: |a - b alpha / sigma|.

        An error in x0 times this number is the error in `kind`: the weight of a loss measured in
        another space.
        """
        a, b = self.coefficients(kind, t)
        return (a - b * self.alpha(t) / self.sigma(t).clamp(min=FLOOR)).abs()

    def shifted(self, t: Time, shift: float) -> Tensor:
        """Return the time whose sigma / alpha is `shift` times that at t; the ends stay.

        That lowers the log-SNR by 2 log(shift). On the flow path this is t' = shift t / (1 + (shift
        - 1) t) (arXiv 2403.03206, eq. 23). A factor k in resolution per axis wants shift = k**1.5
        for 3D data.
        """
        t = as_time(t)
        if not finite("shift", shift) > 0:
            raise ValueError(f"shift is {shift}; expected a positive number")
        moved = self.time_at(self.log_snr(t) - 2 * math.log(shift))
        return torch.where((t <= 0) | (t >= 1), t, moved)


class FlowPath(Path):
    """Flow matching's straight mixture: alpha = 1 - t, sigma = t."""

    def alpha(self, t):
        return 1 - as_time(t)

    def sigma(self, t):
        return as_time(t) * 1.0

    def rates(self, t):
        one = torch.ones_like(as_time(t))
        return -one, one

    def time_at(self, log_snr):
        return torch.sigmoid(-as_time(log_snr) / 2)


class EDMPath(Path):
    """Karras' variance-exploding path: alpha = 1, sigma from 0.002 to 80 with rho = 7, so that
    equal steps in t are the steps of EDM (arXiv 2206.00364, eq. 5). It ends wide, and its t = 0
    still holds noise of 0.002.
    """

    def __init__(self, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0):
        low, high = finite("sigma_min", sigma_min), finite("sigma_max", sigma_max)
        rho = finite("rho", rho)
        if not (0 < low < high and rho > 0):
            raise ValueError(
                f"sigma_min is {low}, sigma_max {high}, rho {rho}; expected 0 < sigma_min <"
                " sigma_max, rho > 0"
            )
        self.low, self.high, self.rho = low ** (1 / rho), high ** (1 / rho), rho

    def alpha(self, t):
        return torch.ones_like(as_time(t))

    def sigma(self, t):
        return (self.low + as_time(t) * (self.high - self.low)) ** self.rho

    def rates(self, t):
        t, width = as_time(t), self.high - self.low
        return torch.zeros_like(t), self.rho * width * (self.low + t * width) ** (self.rho - 1)

    def time_at(self, log_snr):
        sigma = torch.exp(-as_time(log_snr) / 2)
        return ((sigma ** (1 / self.rho) - self.low) / (self.high - self.low)).clamp(0, 1)


class TablePath(Path):
    """A variance-preserving path given by a table of betas (float64, shape (T,)): alpha^2 =
    alpha_bar, sigma^2 = 1 - alpha_bar. Entry k of the table stands at t = (k + 1) / T, t = 0 is
    clean data, and log alpha_bar is interpolated.
    """

    def __init__(self, betas: Tensor):
        if betas.ndim != 1 or not len(betas) or not ((betas > 0) & (betas < 1)).all():
            ends = f", from {float(betas.min())} to {float(betas.max())}" if betas.numel() else ""
            raise ValueError(
                f"betas have shape {tuple(betas.shape)}{ends}; expected (T,), each above 0 and"
                " below 1"
            )
        start = torch.zeros(1, dtype=torch.float64)
        self.log_alpha_bar_table = torch.cat([start, torch.log1p(-betas.double()).cumsum(0)])
        self.steps = len(betas)
        self._copies: dict[tuple, Tensor] = {}

    def _table_for(self, like: Tensor) -> Tensor:
        """The table in the dtype and on the device of a tensor, copied there once."""
        key = like.dtype, like.device
        if key not in self._copies:
            self._copies[key] = self.log_alpha_bar_table.to(like.dtype).to(like.device)
        return self._copies[key]

    def _log_alpha_bar(self, t: Time) -> tuple[Tensor, Tensor]:
        """Return log alpha_bar at t and its slope, in the dtype and on the device of t."""
        t = as_time(t)
        table = self._table_for(t)
        place = t.clamp(0, 1) * self.steps
        left = place.long().clamp(max=self.steps - 1)
        rise = table[left + 1] - table[left]
        return table[left] + (place - left) * rise, rise * self.steps

    def alpha(self, t):
        return (self._log_alpha_bar(t)[0] / 2).exp()

    def sigma(self, t):
        return (-torch.expm1(self._log_alpha_bar(t)[0])).sqrt()

    def rates(self, t):
        alpha, slope = self.alpha(t), self._log_alpha_bar(t)[1]
        return alpha * slope / 2, -alpha.square() * slope / 2 / self.sigma(t).clamp(min=FLOOR)

    def time_at(self, log_snr):
        log_alpha_bar = torch.nn.functional.logsigmoid(as_time(log_snr))
        table = self._table_for(log_alpha_bar)
        left = (torch.searchsorted(-table, -log_alpha_bar, right=True) - 1).clamp(0, self.steps - 1)
        part = (log_alpha_bar - table[left]) / (table[left + 1] - table[left])
        return ((left + part) / self.steps).clamp(0, 1)


class DDPMPath(TablePath):
    """DDPM's path: betas linear from 1e-4 to 0.02 over 1,000 steps (arXiv 2006.11239, section 4).
    Its end is not quite noise: alpha(1) is 0.006, not 0.
    """

    def __init__(self, beta_start: float = 1e-4, beta_end: float = 0.02, steps: int = 1000):
        ends = finite("beta_start", beta_start), finite("beta_end", beta_end)
        super().__init__(
            torch.linspace(*ends, whole("steps", steps, MOST_BETAS), dtype=torch.float64)
        )


class CosinePath(TablePath):
    """The cosine path of improved DDPM, betas capped at 0.999 (arXiv 2102.09672, eq. 17)."""

    def __init__(self, steps: int = 1000, offset: float = 0.008, cap: float = 0.999):
        offset, cap = finite("offset", offset), finite("cap", cap)
        place = torch.linspace(0, 1, whole("steps", steps, MOST_BETAS) + 1, dtype=torch.float64)
        alpha_bar = ((place + offset) / (1 + offset) * math.pi / 2).cos().square()
        super().__init__((1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=cap))


PATHS = {"ddpm": DDPMPath, "cosine": CosinePath, "flow": FlowPath, "edm": EDMPath}
