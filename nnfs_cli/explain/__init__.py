"""An iteration worked by hand: what the core computed, put into words, formulas and drawings.

Read in this order: iteration (the numbers), formulas, records, forward, backward and steps (the
story); then numbers, text, markdown, json, graph, svg and html, which print it.
"""
