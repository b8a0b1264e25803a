"""An experiment that is started, followed and resumed from the App."""
