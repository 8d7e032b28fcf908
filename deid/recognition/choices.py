"""The recognisers by name. The command line shows them, without PyTorch; ``recognisers`` loads them."""

TOGETHER = "+"  # between two names that look together
NAMES = ("openface", "dlib", "openface+dlib", "mobilefacenet", "facenet")
