"""Weights: found, read without executing anything, converted, and downloaded only when asked for."""
