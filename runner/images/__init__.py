"""From a folder, a list or ready-made vectors to an image set: scanning, decoding, hashing, sampling, pairs."""
