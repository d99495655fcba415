"""Plain networks: called as network(x, log_snr, condition), they know nothing of paths and
samplers.
"""
