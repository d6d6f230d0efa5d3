//! fifo_control
