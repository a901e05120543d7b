"""Tiles, probabilities, objects."""
