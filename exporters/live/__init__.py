"""A mesh that one plays in a browser: breaks it, mends it, and saves what one did.

`stage` plays a session and lets several look on, `steering` checks what somebody asks of it, `exercise` hides a fault
and judges what was done about it, and `app` and `site` are the server, on this machine alone.
"""
