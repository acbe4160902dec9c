"""One module per verb: what it takes, what it calls, what it prints."""
