"""Run directories: what a training leaves, and how it is read, resumed and used.

Read in this order: directory, paths, record, listing, checkpoint, resume, session, model.
"""
