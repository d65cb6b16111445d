"""Sources of sound -> samples (`load`), samples -> log-mel features (`features`) and speech (`vad`)."""
