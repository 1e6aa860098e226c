//! Is it a real one? The smoke test.
