//! Whole behaviours, as one test binary: linking DataFusion many times is what makes a build slow.

mod architecture;
