"""Steps that web pages, messages and books share: parse HTML, and write what a browser shows of it as text."""
