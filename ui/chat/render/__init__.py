"""Values of the chat as HTML and Markdown."""
