"""The assistant as a service: an OpenAI-compatible server with a web page, and a server of MCP tools."""
