"""What people read: of a run, a fixture, an incident, answers, a change, a mesh."""
