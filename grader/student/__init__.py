"""What runs inside the sandbox, in the student's process; knows no test."""
