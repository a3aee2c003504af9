"""What happens to the replicas of a service, and to their processes.

process.py readiness.py liveness.py     how a process starts and ends, and the probes that watch it
probe_result.py                         how a probe ends, and how the kubelet words it
fleet.py autoscaler.py                  replicas that come and go, and how many there should be
rollout.py watch.py error_budget.py     the course of a release, and what triggers its rollback
strategy.py rolling.py recreate.py blue_green.py in_place.py shifting.py   ways to replace replicas
configuration.py                        settings changed while a mesh runs, and changed back
chatter.py vitals.py                    what processes log by themselves, and what they know about themselves
past.py                                 what processes did before the recording
"""
