"""Patches, augmentation, loss, and the training loop."""
