"""What a run shows: scores, symptoms, findings and what helps, gradients, reproduction.

Read in this order: evaluation, baselines, symptoms, checks, learning, cures, findings,
short_runs, advice, concerns; gradient_check; reproduction.
"""
