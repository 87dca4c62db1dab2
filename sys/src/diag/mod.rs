//! Sockets over sock_diag.
