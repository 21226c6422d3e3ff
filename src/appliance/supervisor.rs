//! Composition root: threads, channels, signals, shutdown.
