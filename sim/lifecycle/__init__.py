"""What happens to the replicas of a service, and to their processes.

process.py readiness.py liveness.py     how a process starts and ends, and the probes that ask for it
fleet.py autoscaler.py                  replicas that come and go, and how many there shall be
rollout.py watch.py error_budget.py     the story of a release, and what makes somebody take it back
strategy.py rolling.py recreate.py blue_green.py in_place.py shifting.py   ways to replace replicas
chatter.py                              what processes say by themselves
"""
