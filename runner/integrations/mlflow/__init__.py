"""MLflow: one parent run per experiment, one child run per trial. Importing this package imports no MLflow."""
