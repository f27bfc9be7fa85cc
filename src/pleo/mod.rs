//! Everything that speaks to Pleo.
