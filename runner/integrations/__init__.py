"""The only places that know FiftyOne and MLflow."""
