//! Alert rules, their state and their notifiers.
