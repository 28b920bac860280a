"""How results are shown: tables, figures, and one page of both."""
