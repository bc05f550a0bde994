"""A computation read as steps with operands, values and gradients; draws nothing."""
