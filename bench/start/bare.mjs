// Nothing: what starting Node alone takes.
