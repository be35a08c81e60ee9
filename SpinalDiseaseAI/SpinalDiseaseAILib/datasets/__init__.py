"""Data sets of the field as one record type, for training and evaluation. Nothing on the run-time path imports this."""
