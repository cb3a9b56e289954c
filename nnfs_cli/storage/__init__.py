"""Files: written whole or not at all, and checked when read.

Read in this order: files, arrays, digest.
"""
