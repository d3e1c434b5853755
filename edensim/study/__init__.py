"""Results on disk and as pictures: run folders, their loader, tables and figures."""
