"""The recognisers by name. The command line shows them, without PyTorch; ``recognisers`` loads them."""

NAMES = ("openface", "dlib", "mobilefacenet", "facenet")
