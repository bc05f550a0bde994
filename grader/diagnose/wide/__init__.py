"""The widest net: what is tried when nothing more telling fits."""
