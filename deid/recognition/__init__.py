"""Recognisers: networks that tell whose face it is, behind one interface."""
