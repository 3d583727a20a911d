"""Who may do what: keys of programs, users of the page, what each may ask, how much, and a record of it.

Nothing here is in force until a key or a user exists, or a proxy names who is logged in; `control.AccessControl` then
stands before every route of the chat.
"""
