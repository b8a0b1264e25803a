"""What people and other tools look at: result files, plots, contact sheets and the report."""
