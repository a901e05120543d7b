"""Measures of agreement between a predicted and a true segmentation."""
