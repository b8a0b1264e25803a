"""The results folder as a contract: its files, who writes them, and whether they are as they were written."""
