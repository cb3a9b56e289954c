"""Judging a run: scores, symptoms, findings and their cures, gradients, reproduction.

Read in this order: evaluation, baselines, symptoms, checks, learning, cures, findings,
short_runs, advice, concerns; gradient_check; reproduction.
"""
