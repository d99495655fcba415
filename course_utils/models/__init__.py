"""A trained model as a thing: its config, its checkpoint, what it learned from, and what it
makes.
"""
