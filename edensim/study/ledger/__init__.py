"""The ledger: every number of the EDEN paper's evaluation beside ours (`edensim reproduce`).

`items` says what is reproduced, `presets/paper/eden.toml` what the paper prints, `corner` what the paper leaves open,
`runner` simulates on the journal of a sweep, `text` and `study.plots.ledger` show the outcome. Nothing is tuned:
a number that misses is printed as a miss.
"""
