"""How alike two images are, without a network of weights: a number from 0 to 1 for each pair."""
