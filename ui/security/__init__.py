"""Access control: API keys, users, permissions, rate limits and the audit log.

Access control applies once a key or a user exists, or if a proxy names the user; then `middleware.AccessControl` runs
before every route. `request_guard.RequestGuard` always runs.
"""
