"""Data sets: files and generated samples -> tables, and tables -> what a network reads.

Read in this order: table, request, builtin, cache, csv_lines, csv_table, raw, headers, numpy_file,
files, labels, source, features, encoding.
"""
