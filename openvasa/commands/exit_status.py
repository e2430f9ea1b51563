"""What the exit status of a command says."""

OK, FAILED, BAD_INPUT, CHANGED, CANCELLED, TERMINATED = 0, 1, 2, 3, 130, 143
