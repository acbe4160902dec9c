"""What happens to a model after it is made: judged, compared, promoted."""
