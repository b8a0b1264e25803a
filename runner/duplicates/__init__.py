"""Near-duplicates: how alike images are by several methods, groups of them, and which image of a group to keep."""
