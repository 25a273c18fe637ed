"""The network as tests need it: ports, certificates, a proxy, namespaces of their own."""
