"""Access control: keys of programs, users of the page, what each may do and how much, and the audit log.

It applies once a key or a user exists, or a proxy names the user; then `middleware.AccessControl` runs before every
route. `request_guard.RequestGuard` always runs.
"""
