"""Many devices seen from one place: summaries of smears to a broker, numbers for Prometheus."""
