//! transmitter
