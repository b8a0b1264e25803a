"""From images to vectors: models by name, preprocessing, the forward pass, and the cache."""
