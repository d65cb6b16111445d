"""Sound to tokens: the speculative engine. `engine.Engine` is the only public door."""
