"""Where files lie: a folder of this server, a company's uploads, a prefix of an S3 bucket."""
