"""The product itself: model, ports, stages and use cases; knows no framework and no vendor."""
