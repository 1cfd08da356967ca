"""What every benchmark shares: machine, bars, a page written between markers, other environments."""
