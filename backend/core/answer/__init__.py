"""From Hits to a grounded answer or a draft reply: choose the sources, ask the model, check its citations."""
