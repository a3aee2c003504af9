"""A mesh that runs while somebody watches and steers it: faults and actions are added at the present moment.

`script` is the scenario that is written meanwhile, `session` the run, `second` what each second shows, `recent` what
was recorded last, and `pace` how simulated time follows the wall clock.
"""
