"""One module per upstream: what to ask, how to read the answers. A feed is the only thing that knows one."""
