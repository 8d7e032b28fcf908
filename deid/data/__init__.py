"""Photos to learn from: where they come from, and how they become aligned crops."""
