"""Running networks on this machine: runtime, plan, read-ahead, classifier."""
