"""A convolutional autoencoder trained on the user's own images: just another model, made when it is first asked for."""
