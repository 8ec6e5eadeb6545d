"""The same question answered without groups, with groups as they are, and by multilevel models."""
