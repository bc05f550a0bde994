"""The values that pass between intake, examine and record; they do nothing."""
