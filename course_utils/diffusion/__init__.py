"""What the course teaches, in torch alone: from noise paths to samplers and the training loop."""
