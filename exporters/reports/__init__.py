"""What people read about a run, a fixture, an incident, answers, a change or a mesh."""
