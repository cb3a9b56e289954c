"""Files: written whole or not at all, and read without trust. Read in this order: files, arrays,
digest.
"""
