"""Videos become faces: readers, extraction, the store, pairing and batches."""
