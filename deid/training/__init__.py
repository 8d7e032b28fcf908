"""Adversarial training: what a network learns, how, and what a run leaves in its folder."""
