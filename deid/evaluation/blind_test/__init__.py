"""Do people notice? Results and untouched photos, mixed, for lookers who do not know which is which."""
