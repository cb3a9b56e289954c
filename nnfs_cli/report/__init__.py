"""One HTML page about a run or a sweep. Read in this order: page, run, sweep."""
