"""Networks and the functional passes over them."""
