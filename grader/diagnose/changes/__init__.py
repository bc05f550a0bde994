"""Changes of how gradients flow along paths and through steps that mix entries."""
