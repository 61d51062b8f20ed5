"""Events as people bring them: a file or a pipe with one event, or with one on each line."""
