"""What writes the golden files, a module for each kind of them; none imports embstore."""
