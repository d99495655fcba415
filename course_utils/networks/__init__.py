"""Plain networks, called as network(x, log_snr, condition): they know nothing of paths and
samplers. What they are given besides x and the noise level comes from `conditioning`.
"""
