"""Is everything there that the tool needs? Checks that say what is missing, and how to get it."""
