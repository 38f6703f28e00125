"""Working with people's text in Korean and English: cleaning, cutting, counting."""
