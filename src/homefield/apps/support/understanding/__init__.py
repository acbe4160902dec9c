"""What a customer means, and which approved answer fits it: built from records, answered without torch."""
