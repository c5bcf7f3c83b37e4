"""The command line, `python -m styletools`: what may be asked, what is refused, how one picture or many are painted."""
