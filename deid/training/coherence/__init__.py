"""Training of the networks that tell which face fits into which surroundings (``recognition.coherence``)."""
