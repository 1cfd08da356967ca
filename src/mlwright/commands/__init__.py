"""Each user verb once: a typed request in, a typed result out."""
