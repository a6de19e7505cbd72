//! AWS to rows: discovery, metrics, traces and cost, with coverage.
