"""Measures of quality: samples against real data, shapes against prompts, and a classifier."""
