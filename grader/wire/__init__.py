"""What crosses between the examiner and a student's process; trusts nothing."""
