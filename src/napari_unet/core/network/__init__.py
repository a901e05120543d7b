"""The U-Net and its geometry."""
