"""The routes, a module for each matter; each makes a router whose handlers say the scope they need."""
