//! The proof proven: with a deliberate bug switched on, the kill matrix finds what the bug does.
