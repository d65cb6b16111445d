"""The notebook faces: magics, and views of what the engine returns. The only room that imports IPython."""
