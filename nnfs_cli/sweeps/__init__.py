"""Many runs from one configuration, trained in stacks, in one directory.

Read in this order: axes, trials, points, plan, stacking, store, progress, workers, processes,
cluster, execution; then directory, members, results and summary.
"""
