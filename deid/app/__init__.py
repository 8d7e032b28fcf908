"""Try it on a photo of one's own: a session, and the two things that show it, a page and a notebook's panel."""
