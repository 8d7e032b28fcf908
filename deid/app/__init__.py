"""Try it on a photo of one's own: a session, and what shows it, a page and a notebook's panel."""
