"""OpenAI and compatible servers through LangChain."""
