"""Run directories: how a trained network is saved, read, resumed and used.

Read in this order: directory, paths, record, listing, checkpoint, resume, session, model.
"""
