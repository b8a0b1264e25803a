"""Contact sheets: pictures of clusters, and how they are laid out."""
