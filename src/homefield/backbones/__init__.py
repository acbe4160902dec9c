"""Pretrained and fresh networks without a task: catalogue, load, layers, adapters, activation cache."""
