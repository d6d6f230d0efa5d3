//! reachable
