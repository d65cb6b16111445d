"""The magics, and views of what the engine returns. Nothing outside this package imports IPython."""
