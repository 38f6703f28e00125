"""What several processes share in Redis: jobs, account budgets, kept results, work under way. All of it may be lost."""
