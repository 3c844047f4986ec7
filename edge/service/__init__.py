"""The unattended loop: smears, waits and what the service manager is told."""
