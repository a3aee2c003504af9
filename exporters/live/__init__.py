"""A mesh to play in a browser: break it, mend it, and save what was done.

`stage` plays a session and lets several people watch, `steering` checks their requests, `exercise` hides a fault and
judges how it was handled, and `app` and `site` are the server, on this machine alone.
"""
