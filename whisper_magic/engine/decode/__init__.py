"""Windows -> tokens: the round loop, who drafts, how much, and when each word is said."""
