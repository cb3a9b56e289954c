"""Configurations: YAML and overrides to a checked Config, and back.

Read in this order: nodes, yaml_reader, overrides, schema, scalars, values, consistency, footprint,
loading, writing.
"""
