"""Pixels and geometry: files, where faces are, the frame they are brought into, and the way back."""
