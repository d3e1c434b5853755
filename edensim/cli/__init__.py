"""The `edensim` command: argument parsing and printing, one module per verb. Heavy imports stay inside the verbs."""
