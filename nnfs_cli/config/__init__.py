"""Configurations: YAML and overrides -> a checked Config, and back.

Read in this order: nodes, yaml_reader, overrides, schema, scalars, values, consistency, footprint,
loading, writing.
"""
