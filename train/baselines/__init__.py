"""The paper's six baselines and what they see of a crop."""
