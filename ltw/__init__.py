"""Learning to Weight: face-forgery detection that generalises to forgeries never seen."""
