"""Where the work of a sweep runs: worker processes and the journal of what they finished."""
