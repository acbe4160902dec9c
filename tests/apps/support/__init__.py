"""Tests of customer service."""
