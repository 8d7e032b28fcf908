"""What remains of people after a method: attackers who look for them, and measures of what is left to use."""
