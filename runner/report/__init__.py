"""What people look at: plots, contact sheets, the report, and the lines at the end of a run."""
