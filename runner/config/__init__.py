"""What a caller chooses: settings of an experiment and of a search, their file, and what is said of a wrong one."""
