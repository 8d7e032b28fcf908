"""References: faces of people who do not exist, whose detail stands in for what is hidden."""
