"""Native CPU kernels, in C: compiled on the machine that runs them, called through ctypes.

A decoder's pass over 8 rows is some hundred small steps; through torch each costs more to start than to do, and no
library multiplies 8 rows by 16-bit weights, or attends with 8 rows to 1,500 keys, at the machine's speed.
`cpu_kernels.c` computes a whole pass, or a whole round, in one call.
"""
