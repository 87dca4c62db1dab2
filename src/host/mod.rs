//! What the packet path depends on outside the rules: links, routes, sockets, connection tracking, sysctls.
