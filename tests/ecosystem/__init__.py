"""Files of this package in other libraries, old and new, each in an environment of its own: `make test-ecosystem`."""
