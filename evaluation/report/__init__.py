"""Reports: pages, terminal tables and gates."""
