"""Intelligent customer service: what a company's support history says, and which approved answers fit it."""
