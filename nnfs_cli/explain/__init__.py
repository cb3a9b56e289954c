"""One training iteration worked by hand, in words, formulas and drawings.

Read in this order: iteration (the numbers), records, forward, backward and steps (the steps);
then numbers, text, markdown, json, graph, svg and html (the formats).
"""
