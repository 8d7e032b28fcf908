"""A photo in, a photo out: every face hidden first, then replaced, then checked."""
