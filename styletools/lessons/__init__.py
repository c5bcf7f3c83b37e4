"""What the lessons need besides the subject: exercises, and checks of what a student wrote."""
