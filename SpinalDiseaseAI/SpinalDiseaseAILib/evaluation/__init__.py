"""Reproduces every published figure of the product with one command. Nothing on the run-time path imports this."""
