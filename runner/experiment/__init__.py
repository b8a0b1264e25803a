"""From settings to ranked, reported and logged trials."""
