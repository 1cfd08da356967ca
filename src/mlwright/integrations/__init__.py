"""One module per outside system: the only place where optional libraries are imported."""
