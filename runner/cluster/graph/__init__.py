"""Neighbours, the minimum spanning tree of mutual reachability, and the partitions that are read off them."""
