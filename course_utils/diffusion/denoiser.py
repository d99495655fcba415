"""The denoiser: a network and a path, wrapped into what samplers see: denoiser(x_t, t) -> x0.

The wrapper scales the input to unit variance, gives the network the noise level as log-SNR, and
turns whatever the network predicts into x0 (lesson 02; Karras et al., arXiv 2206.00364, section 5,
call this preconditioning).
"""

from torch import Tensor, nn

from course_utils.diffusion.paths import KINDS, Path, Samples, Time, as_time, spread

LOG_SNR_RANGE = 20.0  # beyond it data or noise is invisible in float32, and the ends are infinite


class Denoiser(nn.Module):
    """A network that predicts x0, noise, v or velocity, as a function from x_t to x0.

    Args:
        network: Called as network(x, log_snr, condition) with x (B, ...) of unit variance, log_snr
            (B,), condition a tensor (B, ...) or None; returns a tensor shaped like x. Its output is
            read in units of the predicted quantity's size, so that a good network's output has unit
            variance at every noise level.
        path: The noise path that it is trained on.
        prediction: One of `paths.KINDS`.
        log_snr_range: The largest log-SNR, up or down, that the network is given: samplers begin at
            infinity, training draws nothing beyond about 10.
    """

    def __init__(
        self,
        network: nn.Module,
        path: Path,
        prediction: str = "x0",
        log_snr_range: float = LOG_SNR_RANGE,
    ):
        super().__init__()
        if prediction not in KINDS:
            raise ValueError(f"prediction is {prediction!r}; use one of {', '.join(KINDS)}")
        if not isinstance(path, Path):
            raise ValueError(f"path is {path!r}; expected a path such as FlowPath()")
        self.network, self.path, self.prediction = network, path, prediction
        self.log_snr_range = log_snr_range

    def forward(self, x_t: Samples, t: Time, condition: Tensor | None = None) -> Samples:
        """Return the best guess of x0.

        Args:
            x_t: Noisy samples, (B, ...).
            t: Their time, a number or (B,).
            condition: (B, ...); None means unconditional.
        """
        t = as_time(t)
        t = t.to(x_t.device) if t.ndim else t  # one for all stays where it is: nothing is moved
        size = (self.path.alpha(t).square() + self.path.sigma(t).square()).sqrt()
        log_snr = self.path.log_snr(t).clamp(-self.log_snr_range, self.log_snr_range).to(x_t.dtype)
        log_snr = log_snr if t.ndim else x_t.new_full(x_t.shape[:1], float(log_snr))  # (B,)
        output = self.network(x_t / spread(size, x_t), log_snr, condition).to(x_t.dtype)
        value = output * spread(self.path.magnitude(self.prediction, t), x_t)
        return self.path.convert(value, x_t, t, self.prediction, "x0")


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameters that training adjusts in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
