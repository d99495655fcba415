"""What the course teaches: paths, denoisers, guidance, samplers, losses and the training loop, in
torch alone.
"""
