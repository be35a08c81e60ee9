"""The commands that trained the shipped weights. Nothing on the run-time path imports this."""
