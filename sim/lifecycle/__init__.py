"""What happens to the processes of a service: probes, restarts, rollouts."""
