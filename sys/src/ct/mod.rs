//! Connection tracking over ctnetlink.
