"""What Desklore talks about: plain, frozen values without behavior of the outside."""
