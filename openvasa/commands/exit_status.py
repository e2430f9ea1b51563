"""What the exit status of a command says."""

OK, FAILED, BAD_INPUT, CANCELLED, TERMINATED = 0, 1, 2, 130, 143
