"""Vectors and matrices kept between experiments, every row with a checksum."""
