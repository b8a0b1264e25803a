"""What every operator builds on: forms, targets in the grid, work in the background."""
