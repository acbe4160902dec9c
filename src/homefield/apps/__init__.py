"""Applications: each a named instance that a company runs. They stand beside each other and never import each other."""
