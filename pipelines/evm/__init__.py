"""Reading EVM chains over JSON-RPC: block ranges, headers, and logs decoded by their declarations."""
