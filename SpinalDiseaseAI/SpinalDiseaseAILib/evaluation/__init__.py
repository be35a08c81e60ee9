"""Every stated figure, made again by one command. Nothing on the run-time path imports this."""
