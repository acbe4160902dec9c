"""Tests mirror `src/homefield`; folders share what they make through relative imports."""
