"""What crosses by value between the examiner and a student's process, and how."""
