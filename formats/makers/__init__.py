"""Writers of the golden files, one module per kind; none imports embstore."""
