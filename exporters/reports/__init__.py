"""What people read of a fixture: an incident in words, marks, differences."""
