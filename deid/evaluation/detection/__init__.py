"""What the detectors find of faces that were marked by hand, as they are and harder to see."""
