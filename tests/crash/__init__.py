"""Every boundary of a working week: real processes on real files, ended at each of them."""
