"""The fault campaign: real processes killed, starved and lied to, and what their successors make of it."""
