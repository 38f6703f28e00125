"""From a changed item to what can be found: collect, merge, summarize, embed, index."""
