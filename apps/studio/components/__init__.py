"""Parts of pages that several pages share, or that are too long for one."""
