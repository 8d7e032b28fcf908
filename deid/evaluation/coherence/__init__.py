"""Does the face that is chosen go with what surrounds it? Ranks of the own face, and a table by group."""
