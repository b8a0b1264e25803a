"""The page of an experiment in MLflow, and the server that shows a local store."""
