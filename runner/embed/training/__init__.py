"""Training of the autoencoder, and the trained ones that are kept."""
