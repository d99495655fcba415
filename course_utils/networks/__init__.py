"""Plain networks, called as network(x, log_snr, condition): paths and samplers are unknown here.

What networks are given besides x and the noise level comes from `conditioning`.
"""
