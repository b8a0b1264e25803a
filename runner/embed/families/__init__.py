"""Model families: open_clip, timm, the autoencoder and the baselines."""
