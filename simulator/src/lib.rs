//! A simulated AWS account on AWS's wire protocols, with known truth.
