"""What other installations give to Redis, inside this process."""
