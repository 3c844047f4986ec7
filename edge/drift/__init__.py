"""What a device needs to see that its cells, or its network, are not those of the release."""
