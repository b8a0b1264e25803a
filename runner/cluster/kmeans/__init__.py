"""k-means: seeding, exact assignment, and the iteration."""
