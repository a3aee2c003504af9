"""A mesh that is played while somebody looks on and steers: faults and actions come in at the present moment.

`script` is the scenario that is written meanwhile, `session` the run, `second` what each second shows, `recent` what
was recorded last, and `pace` how simulated time follows the wall clock.
"""
