"""The mutation check of the money path: `python -m tests.mutation`. See docs/mutation.md."""
