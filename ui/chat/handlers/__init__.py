"""What the server does for each event of the page."""
