"""Results made elsewhere, as a table of regab's: one file per layout that is recognized."""
