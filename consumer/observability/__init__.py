"""What the service lets see of itself: log lines, metrics, health. Knows nothing of the rooms that it watches."""
