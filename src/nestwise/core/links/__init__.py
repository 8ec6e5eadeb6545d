"""Link functions: a few small files, one line each in `registry`."""
