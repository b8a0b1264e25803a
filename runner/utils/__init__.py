"""What any program needs: files written atomically, text and tables read safely, memory, locks, progress. Nothing
of the product's own."""
