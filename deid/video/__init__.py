"""Clips: every face found and followed through its shot, hidden in each frame, and replaced by one person."""
