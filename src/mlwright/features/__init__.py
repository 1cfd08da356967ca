"""From columns to model inputs: documents that the compiled core executes, in training and in serving."""
