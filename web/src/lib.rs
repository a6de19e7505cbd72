//! Dashboard, JSON API and charts.
