"""Pages for a browser: readable offline, without scripts, whoever wrote the text."""
