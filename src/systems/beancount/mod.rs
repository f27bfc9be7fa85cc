//! The embedded accounting system: plain text books that beancount reads.
