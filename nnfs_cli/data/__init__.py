"""Data sets: files and generated samples -> tables, and tables -> what a network reads.

Read in this order: table, builtin, cache, csv_table, headers, files, labels, features, encoding,
source.
"""
