"""Sound in: sources to samples (`load`), samples to log-mel features (`features`)."""
