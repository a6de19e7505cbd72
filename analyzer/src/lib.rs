//! Analyses over the lake: the catalog of queries, prices, attribution, reports.
