"""Data: readers, face extraction, the store and its checks, pairing and batches."""
