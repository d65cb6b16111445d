"""Checkpoints, devices, and the networks as functions of weights."""
