"""The paper's six baselines, boosted trees, and what they see of a crop."""
