"""The words of the schema: one file a noun. The caller's words in, one call down, words out."""
