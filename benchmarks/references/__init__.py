"""What edensim is held to: one module per reference, each a section of the validation page.

A module says in constants what it is about and measures when `measure` is called:

- `PART`: heading under which it stands ("DRAM timing", "DRAM energy", "Machines", …)
- `TITLE`: the reference, with version or publication
- `MERIT`: the figure of merit, in a few words
- `LIMITS`: pairs of strings: what is not covered or misses, and what that means for a user
- `measure() -> tuple[str, str]`: our distance in one line, and the section's Markdown

Nothing is tuned to make a distance small; a miss is printed as a miss. To add a reference, add a module.
"""
