"""Services of others that we call: one folder per vendor, `http/` the one way out to a helpdesk."""
