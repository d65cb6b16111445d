"""Logits -> tokens: Whisper's logit rules, the noise of sampling, and what is accepted of a draft."""
