"""The target alone against speculation: the same tokens, and how fast each is."""
